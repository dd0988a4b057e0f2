-- wrk ... -- get|page|pages|post [LAST [PAUSE]]: one of the 10,000 analyses up to number LAST, the first page, one of the first 50 pages,
-- or a new analysis, with a pause of so many milliseconds. Prints requests, errors, microseconds taken, p50 and p99.
local kind, last
local token = io.open("/run/secrets/api_token"):read()

function init(args)
  kind, last = args[1], tonumber(args[2]) or 10000
  if args[3] then delay = function() return tonumber(args[3]) end end
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
    return wrk.format(nil, string.format("/api/analyses/00000000-0000-7000-8000-%012x", math.random(last - 9999, last)))
  end
  if kind == "pages" then
    return wrk.format(nil, string.format("/api/analyses?page=%d&size=20", math.random(0, 49)))
  end
  return wrk.format(nil, kind == "page" and "/api/analyses?size=20" or "/api/analyses")
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("result %d %d %d %d %d\n", summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
