-- Sends the requests of a file (one token a line, after the body in the first) one after the other.
local requests, at = {}, 0

function init(arguments)
  local lines = {}
  for line in io.lines(arguments[1]) do lines[#lines + 1] = line end
  wrk.method, wrk.body = "POST", lines[1]
  for index = 2, #lines do
    requests[#requests + 1] = wrk.format(nil, "/graphql", {
      ["Authorization"] = "Bearer " .. lines[index],
      ["Content-Type"] = "application/json", ["Accept"] = "application/json", ["Host"] = "localhost",
    })
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.status + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, errors,
    latency:percentile(50), latency:percentile(99)))
end
