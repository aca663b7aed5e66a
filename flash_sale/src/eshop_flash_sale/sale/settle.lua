-- Settles units: they are sold, or their order was refused and they go back for sale. Each reference counts once.
--
-- KEYS[1] sale, KEYS[2] unsettled, KEYS[3] users (see take.lua)
-- ARGV    pairs of reference and "1" (back for sale) or "0" (sold, or gone)
-- Returns 1, or 0 where the product has no sale

for i = 1, #ARGV, 2 do
    local taken = redis.call("HGET", KEYS[2], ARGV[i])
    if taken then
        redis.call("HDEL", KEYS[2], ARGV[i])
        if ARGV[i + 1] == "1" then
            local units, user, version = string.match(taken, "(%d+):(%d+):(%d+)")
            redis.call("HINCRBY", KEYS[1], "left", units)
            redis.call("HINCRBY", KEYS[1], "returned", units)
            if redis.call("HGET", KEYS[1], "state") == "closed" then
                redis.call("HINCRBY", KEYS[1], "returned_closed", units)
            end
            -- A unit of an earlier sale does not count in the limits of this one.
            if redis.call("HGET", KEYS[1], "version") == version and redis.call("HEXISTS", KEYS[3], user) == 1 then
                redis.call("HINCRBY", KEYS[3], user, -units)
            end
        end
    end
end
return redis.call("EXISTS", KEYS[1])
