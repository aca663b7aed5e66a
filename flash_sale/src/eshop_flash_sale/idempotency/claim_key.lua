-- Claims an idempotency key for the request that bears it, or tells what is known of it.
--
-- KEYS[1] record  hash: body (a hash of the request), order, by (who claimed it last), until (ms since 1970, when an
--                 unanswered claim may be taken over), answer (absent until there is one)
-- ARGV[1] body, ARGV[2] order that the request would be, ARGV[3] token of this claim, ARGV[4] ms that a claim lasts,
-- ARGV[5] seconds for which records are kept
-- Returns {state, order, answer}: claimed, again (claimed before by somebody who gave no answer), answered, running, or
-- other (another body). A call whose reply was lost is repeated with the same token and gets the same state.

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local row = redis.call("HMGET", KEYS[1], "body", "order", "by", "until", "answer")
local body, order, by, ends, answer = row[1], row[2], row[3], row[4], row[5]

if not body then
    redis.call("HSET", KEYS[1], "body", ARGV[1], "order", ARGV[2], "by", ARGV[3], "until", now + ARGV[4])
    redis.call("EXPIRE", KEYS[1], ARGV[5])
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
