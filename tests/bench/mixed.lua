-- A CRM's day in small: calls logged, customers registered with a new e-mail, tickets and opportunities opened.
-- given: token, customers, run (no two runs make the same e-mail), rate (requests a second)
local ffi = require("ffi")
ffi.cdef("typedef struct { long s, ns; } moment; int clock_gettime(int clock, moment *now);")
local moment = ffi.new("moment")
local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. given.token }

local known = "5eed0000-0000-0000-0000-%012x"
local at = 0
local kinds = {
   { 0.55, "/v1/commands/log-interaction",
     '{"customer_id":"' .. known .. '","channel":"call","direction":"in","subject":"The shelf wobbles",'
     .. '"note":"Two of the four screws of the upper board were missing; please send them."}' },
   { 0.70, "/v1/commands/open-ticket",
     '{"customer_id":"' .. known .. '","kind":"fault","channel":"email","subject":"The shelf wobbles",'
     .. '"text":"Two of the four screws of the upper board were missing; please send them."}' },
   { 0.80, "/v1/commands/open-opportunity",
     '{"customer_id":"' .. known .. '","title":"20 shelves","amount":"1200.00","currency":"EUR"}' },
   { 1.00, "/v1/commands/register-customer",
     '{"kind":"person","name":"王小明","emails":["' .. given.run .. '.%d@example.com"],"tier":"gold"}' },
}

function request()
   at = at + 1
   local chance = math.random()
   for _, kind in ipairs(kinds) do
      if chance < kind[1] then
         local number = kind[1] < 1 and at % given.customers or at
         return wrk.format("POST", kind[2], headers, kind[3]:format(number))
      end
   end
end

-- Requests come by chance, so many a second on average however long each takes, as long as a connection is free.
local due

function delay()
   ffi.C.clock_gettime(0, moment)
   local now = tonumber(moment.s) * 1000 + tonumber(moment.ns) / 1e6
   due = math.max((due or now) - 1000 / given.rate * math.log(1 - math.random()), now - 100)
   return math.max(0, due - now)
end
