-- Closes a sale, so that nothing is taken until OpenSale, and lists the units that are not settled.
-- A closed sale is made where there was none, so that nobody takes units while the first one is being set.
--
-- KEYS[1] sale, KEYS[2] unsettled (see take.lua); ARGV[1] token of the setting that closes
-- Returns {version, {reference, "units:user:version", ...}}

redis.call("HSET", KEYS[1], "state", "closed", "token", ARGV[1], "returned_closed", 0)
return { redis.call("HGET", KEYS[1], "version") or "0", redis.call("HGETALL", KEYS[2]) }
