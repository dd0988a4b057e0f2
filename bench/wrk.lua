-- wrk ... -- get|page|post: what to ask for; prints requests, errors, microseconds taken, p50 and p99.
local kind
local token = io.open("/run/secrets/api_token"):read()

function init(args)
  kind = args[1]
  wrk.headers["Authorization"] = "Bearer " .. token
  math.randomseed(os.time())
  if kind == "post" then
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = '{"name": "bench", "values": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5]}'
  end
end

function request()
  if kind == "get" then
    return wrk.format(nil, string.format("/api/analyses/00000000-0000-7000-8000-%012x", math.random(10000)))
  end
  return wrk.format(nil, kind == "page" and "/api/analyses?size=20" or "/api/analyses")
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("result %d %d %d %d %d\n", summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
