-- Many commands a request: calls logged with the next of the customers, who have all been registered before.
-- given: path, token, first and customers (which, and how many), each
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-ndjson"
wrk.headers["Authorization"] = "Bearer " .. given.token

local requests, at = {}, 0
local item = '{"command":"log-interaction","body":{"customer_id":"5eed0000-0000-0000-0000-%012x","channel":"call",'
   .. '"direction":"in","subject":"The shelf wobbles",'
   .. '"note":"Two of the four screws of the upper board were missing; please send them."}}'

function init()
   for first = given.first, given.first + given.customers - given.each, given.each do
      local items = {}
      for number = first, first + given.each - 1 do
         items[#items + 1] = item:format(number)
      end
      requests[#requests + 1] = wrk.format(nil, given.path, nil, table.concat(items, "\n"))
   end
end

function request()
   at = at % #requests + 1
   return requests[at]
end
