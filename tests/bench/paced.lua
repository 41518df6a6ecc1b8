-- As one.lua, from callers who wait between their requests. given: besides, pause_ms
function delay()
   return given.pause_ms
end
-- One command a request: a call logged with the next of the customers, who have all been registered before.
-- given: path, token, customers
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. given.token

local at = 0
local body = '{"customer_id":"5eed0000-0000-0000-0000-%012x","channel":"call","direction":"in",'
   .. '"subject":"The shelf wobbles",'
   .. '"note":"Two of the four screws of the upper board were missing; please send them."}'

function request()
   at = at % given.customers + 1
   return wrk.format(nil, given.path, nil, body:format(at - 1))
end
