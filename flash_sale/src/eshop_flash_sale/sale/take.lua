-- Takes units from a sale, or gives back what the same branch took. Runs inside the Redis barrier of aiodtm, which looks for
-- a stored outcome first: a repeated call gets the same answer, even when nothing is left by then.
--
-- KEYS[1] sale       hash: state (open, closed), version, set, left, accepted, returned, limit, returned_closed, token, run
-- KEYS[2] unsettled  hash: reference -> "units:user:version", taken and not known to be sold or given back
-- KEYS[3] users      hash: user -> units taken in this sale
-- KEYS[4..] keyed    one for each item that names it: what became of the reference, for requests that may be repeated
-- ARGV[1] mode       "each" decides each item for itself, "all" takes all items or none, "undo" gives back
-- ARGV[2] items      JSON: [[reference, user (decimal string), units, amount, request id, index of its KEYS[4..]], ...];
--                    what comes after the units may be left out
-- ARGV[3] seconds for which what became of references with a key is kept; with such keys only in mode "each"
-- ARGV[4] the run of Redis that the caller knows, or ""; a sale that was opened in another one counts as closed
-- stored          undo only: the result that the action stored
-- Result: JSON {"accepted": [[reference, user, units, version, amount, request id], ...], "refused": [[reference, code,
-- facts...], ...]}: all that the delivery of the orders needs, and all that a refused buyer is told. The facts are the
-- units asked for and those left (SOLD_OUT); the units asked for, the limit and those bought before (LIMIT_REACHED)
-- Error SALE_CLOSED while the sale is being set: nothing is stored, ask again.

local function refusal(users, limit, user, units, left, mine)
    if units > left then
        return { "SOLD_OUT", units, left }
    end
    if limit > 0 and user ~= "0" then
        local bought = (mine[user] or tonumber(redis.call("HGET", users, user) or "0"))
        if bought + units > limit then
            return { "LIMIT_REACHED", units, limit, bought }
        end
        mine[user] = bought + units
    end
    return nil
end

local function give_back(sale, unsettled, users, items)
    local row = redis.call("HMGET", sale, "state", "version")
    local closed, version = row[1] == "closed", row[2]
    for _, item in ipairs(items) do
        redis.call("HDEL", unsettled, item[1])
        redis.call("HINCRBY", sale, "left", item[3])
        redis.call("HINCRBY", sale, "returned", item[3])
        if closed then
            redis.call("HINCRBY", sale, "returned_closed", item[3])
        end
        -- A unit of an earlier sale does not count in the limits of this one.
        if item[4] == version and redis.call("HEXISTS", users, item[2]) == 1 then
            redis.call("HINCRBY", users, item[2], -item[3])
        end
    end
end

local function take(sale, unsettled, users, items, version)
    local units, rows = 0, {}
    for _, item in ipairs(items) do
        units = units + item[3]
        rows[#rows + 1] = item[1]
        rows[#rows + 1] = item[3] .. ":" .. item[2] .. ":" .. version
        if item[2] ~= "0" then
            redis.call("HINCRBY", users, item[2], item[3])
        end
    end
    if units > 0 then
        redis.call("HINCRBY", sale, "left", -units)
        redis.call("HINCRBY", sale, "accepted", units)
        redis.call("HSET", unsettled, unpack(rows))
    end
end

local function encode(accepted, refused)
    local function list(items)
        return #items == 0 and "[]" or cjson.encode(items)
    end
    return '{"accepted":' .. list(accepted) .. ',"refused":' .. list(refused) .. "}"
end

local function business(KEYS, ARGV, stored)
    local sale, unsettled, users = KEYS[1], KEYS[2], KEYS[3]
    local mode = ARGV[1]
    if mode == "undo" then
        give_back(sale, unsettled, users, cjson.decode(stored)["accepted"])
        return "ok", ""
    end
    local items = cjson.decode(ARGV[2])
    local row = redis.call("HMGET", sale, "state", "left", "limit", "version", "run")
    local restarted = ARGV[4] ~= "" and row[1] and row[5] ~= ARGV[4]
    if row[1] == "closed" or restarted then
        error({ err = "SALE_CLOSED the sale is being set" })
    end
    local left, limit = tonumber(row[2] or "0"), tonumber(row[3] or "0")
    local accepted, refused, taken, mine, again = {}, {}, {}, {}, {}
    for _, item in ipairs(items) do
        -- A unit that an earlier call took for this reference is still its own: it is accepted, and not taken again.
        local key = item[6]
        local before = key and (again[item[1]] or redis.call("EXISTS", KEYS[key]) == 1)
        local why = nil
        if row[1] ~= "open" and not before then
            why = { "NOT_ON_SALE" }
        elseif not before then
            why = refusal(users, limit, item[2], item[3], left, mine)
        end
        if why then
            refused[#refused + 1] = { item[1], unpack(why) }
        else
            accepted[#accepted + 1] = { item[1], item[2], item[3], row[4], item[4], item[5] }
            if not before then
                taken[#taken + 1] = item
                left = left - item[3]
                again[item[1]] = key
            end
        end
    end
    if #accepted == 0 or (mode == "all" and #refused > 0) then
        return "refused", encode({}, refused)
    end
    take(sale, unsettled, users, taken, row[4])
    for _, index in pairs(again) do
        redis.call("SET", KEYS[index], "taken", "EX", ARGV[3])
    end
    return "ok", encode(accepted, refused)
end
