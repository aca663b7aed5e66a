-- Answers the check-back of a two-phase message, and stops a sender that hangs from going on after it was given up.
--
-- KEYS[1]  outcome of the sender's script, as guard.lua stores it
-- ARGV[1]  seconds for which outcomes are kept
--
-- Returns {state, result, repeated} like guard.lua; "undone" when there was no outcome, and it is written then.

local outcome = redis.call('GET', KEYS[1])
if outcome then
    local state, result = string.match(outcome, '^(%a+):(.*)$')
    return { state, result, 1 }
end
redis.call('SET', KEYS[1], 'undone:', 'EX', ARGV[1])
return { 'undone', '', 0 }
