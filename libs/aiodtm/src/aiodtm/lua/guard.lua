-- The barrier around a script. It is appended to Lua text that defines
--
--     local function business(KEYS, ARGV, earlier)  ->  status, result
--
-- with its own KEYS and ARGV (counted from 1); status is "ok" or "refused", result a string. `earlier` is nil for an
-- action, and for an undo the result that its action returned. A script that fails half-way is not rolled back by Redis:
-- business looks at everything first and writes last. An undo must return "ok".
--
-- KEYS[1]    outcome of the action: "ok:RESULT", "refused:RESULT" or "undone:"
-- KEYS[2]    outcome of its undo: "ok:RESULT" or "empty:"
-- KEYS[3..]  the KEYS of business; all keys lie in one hash slot
-- ARGV[1]    "do" or "undo"
-- ARGV[2]    seconds for which outcomes are kept
-- ARGV[3..]  the ARGV of business
--
-- Returns {state, result, repeated}: state "ok", "refused", "undone" or "empty", repeated 1 when an earlier call decided.

local function tail(list)
    local rest = {}
    for i = 3, #list do
        rest[i - 2] = list[i]
    end
    return rest
end

local function stored(key)
    local text = redis.call('GET', key)
    if not text then
        return nil
    end
    local state, result = string.match(text, '^(%a+):(.*)$')
    return { state, result, 1 }
end

local function store(key, state, result)
    redis.call('SET', key, state .. ':' .. result, 'EX', ARGV[2])
    return { state, result, 0 }
end

local function act()
    -- The stored outcome comes first. It stops the duplicate: a retry gets the same answer although the stock is 0 by
    -- now. It stops the hanging action, which finds the "undone" that its undo has left.
    local outcome = stored(KEYS[1])
    if outcome and outcome[1] == 'ok' and redis.call('EXISTS', KEYS[2]) == 1 then
        return { 'undone', '', 1 } -- stops a second pass of DTM, which would take it for done
    end
    if outcome then
        return outcome
    end
    local status, result = business(tail(KEYS), tail(ARGV), nil)
    if status ~= 'ok' and status ~= 'refused' then
        return redis.error_reply('BADSTATUS business returned ' .. tostring(status) .. ', not "ok" or "refused"')
    end
    return store(KEYS[1], status, result or '')
end

local function undo()
    local outcome = stored(KEYS[2]) -- stops the duplicate
    if outcome then
        return outcome
    end
    local action = stored(KEYS[1])
    if not action then
        store(KEYS[1], 'undone', '') -- stops the empty compensation, and the action that hangs and comes later
    end
    if not action or action[1] ~= 'ok' then
        return store(KEYS[2], 'empty', '')
    end
    local status, result = business(tail(KEYS), tail(ARGV), action[2])
    if status ~= 'ok' then
        return redis.error_reply('BADSTATUS an undo must return "ok", not ' .. tostring(status))
    end
    return store(KEYS[2], 'ok', result or '')
end

if ARGV[1] == 'undo' then
    return undo()
end
return act()
