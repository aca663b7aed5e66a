-- Claims an idempotency key for the request that bears it, or tells what is known of it.
--
-- KEYS[1] record  hash: body (a hash of the request), order, by (who claimed it last), until (ms since 1970, when an
--                 unanswered claim may be taken over), answer (absent until there is one)
-- KEYS[2] count   how many records this user has; in the hash slot of the record
-- ARGV[1] body, ARGV[2] order that the request would be, ARGV[3] token of this claim, ARGV[4] ms that a claim lasts,
-- ARGV[5] seconds for which records are kept, ARGV[6] most records of one user, 0 to make no record
-- Returns {state, order, answer}: claimed, again (claimed before by somebody who gave no answer), answered, running, other
-- (another body), absent (there is no record and none was to be made), or many (the user has too many). A call whose
-- reply was lost is repeated with the same token and gets the same state.

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local row = redis.call("HMGET", KEYS[1], "body", "order", "by", "until", "answer")
local body, order, by, ends, answer = row[1], row[2], row[3], row[4], row[5]

if not body then
    if ARGV[6] == "0" then
        return { "absent", "", "" }
    end
    if tonumber(redis.call("GET", KEYS[2]) or "0") >= tonumber(ARGV[6]) then
        return { "many", "", "" }
    end
    redis.call("HSET", KEYS[1], "body", ARGV[1], "order", ARGV[2], "by", ARGV[3], "until", now + ARGV[4])
    redis.call("EXPIRE", KEYS[1], ARGV[5])
    redis.call("INCR", KEYS[2])
    redis.call("EXPIRE", KEYS[2], ARGV[5], "NX")
    return { "claimed", ARGV[2], "" }
end
if body ~= ARGV[1] then
    return { "other", "", "" }
end
if answer then
    return { "answered", order, answer }
end
if by ~= ARGV[3] and tonumber(ends) > now then
    return { "running", order, "" }
end
redis.call("HSET", KEYS[1], "by", ARGV[3], "until", now + ARGV[4])
return { "again", order, "" }
