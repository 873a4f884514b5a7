-- Prints wrk's figures in one line of JSON. Defining only `done` leaves wrk's fast path for requests as it is.
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        'figures {"requests": %d, "microseconds": %d, "connect": %d, "read": %d, "write": %d, ' ..
        '"status": %d, "timeout": %d}\n',
        summary.requests, summary.duration, errors.connect, errors.read, errors.write,
        errors.status, errors.timeout))
end
