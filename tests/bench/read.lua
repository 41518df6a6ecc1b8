-- Reading: two customers, each by its id, then a page of the list. given: token, customers
wrk.headers["Authorization"] = "Bearer " .. given.token

local at = 0
local one = "/v1/customers/5eed0000-0000-0000-0000-%012x"

function request()
   at = at + 1
   if at % 3 == 0 then
      return wrk.format("GET", "/v1/customers?limit=50")
   end
   return wrk.format("GET", one:format(at % given.customers))
end
