-- An argument after `--` is JSON to be sent with POST. Building the request once leaves wrk's fast path as it is.
function init(arguments)
    if arguments[1] then
        wrk.method = "POST"
        wrk.body = arguments[1]
        wrk.headers["Content-Type"] = "application/json"
    end
end

-- Prints wrk's figures in one line of JSON.
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        'figures {"requests": %d, "microseconds": %d, "median": %d, "connect": %d, "read": %d, "write": %d, ' ..
        '"status": %d, "timeout": %d}\n',
        summary.requests, summary.duration, latency:percentile(50), errors.connect, errors.read, errors.write,
        errors.status, errors.timeout))
end
