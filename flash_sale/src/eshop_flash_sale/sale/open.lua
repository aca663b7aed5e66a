-- Opens a closed sale. Units that came back while it was closed are for sale as well.
--
-- KEYS[1] sale, KEYS[2] users (see take.lua)
-- ARGV[1] token, ARGV[2] version (0: open again as it was), ARGV[3] units for sale, ARGV[4] units per user (0: no limit)
-- ARGV[5] run of Redis in which it is opened, ARGV[6] "1" to go on counting what each buyer of this version has bought
-- ARGV[7..] with that: user and units, one after the other, that count as well
-- Returns the version; or error OVERTAKEN where another setting closed the sale since.

local row = redis.call("HMGET", KEYS[1], "state", "token", "version", "returned_closed")
if row[2] ~= ARGV[1] then
    return redis.error_reply("OVERTAKEN the sale is being set by somebody else")
end
if row[1] == "open" then
    return row[3]
end
if ARGV[2] == "0" then
    if row[3] then
        redis.call("HSET", KEYS[1], "state", "open")
    else
        redis.call("DEL", KEYS[1])
    end
    return row[3] or "0"
end
local left = tonumber(ARGV[3]) + tonumber(row[4] or "0")
redis.call("HSET", KEYS[1], "state", "open", "version", ARGV[2], "set", left, "left", left,
    "accepted", 0, "returned", 0, "limit", ARGV[4], "returned_closed", 0, "run", ARGV[5])
if ARGV[6] ~= "1" or row[3] ~= ARGV[2] then
    redis.call("DEL", KEYS[2])
else
    for i = 7, #ARGV, 2 do
        redis.call("HINCRBY", KEYS[2], ARGV[i], ARGV[i + 1])
    end
end
return ARGV[2]
