"""What the demo reads from glorieta's metrics and access log."""

from glorieta.demo.view import parse_metrics, reasons, total

METRICS = """\
# HELP glorieta_retries_total Retries.
# TYPE glorieta_retries_total counter
glorieta_retries_total{upstream="service1",reason="refused"} 7
glorieta_retries_total{upstream="service1",reason="reset"} 2
glorieta_retries_total{upstream="service2",reason="reset"} 0
glorieta_requests_total{route="/a,\\"b\\"",code="200"} 1e3
process_start_time_seconds 1.5
"""


def test_metrics_are_summed_by_a_label() -> None:
    samples = parse_metrics(METRICS)
    assert len(samples) == 5
    assert total(samples, "glorieta_retries_total", "reason") == {"refused": 7, "reset": 2}
    assert total(samples, "glorieta_retries_total", "reason", upstream="service2") == {}
    assert total(samples, "glorieta_requests_total", "code") == {"200": 1000}


def test_reasons_come_from_records_among_other_lines() -> None:
    lines = [
        "glorieta is listening",
        '{"status": 502, "path": "/service1/7", "reason": "reset", "endpoint": "localhost:3002"}',
        '{"status": 502, "path": "/service1/8", "reason": "refused"}',
        '{"status": 200, "path": "/service1/9", "reason": null}',
        "{broken",
    ]
    assert reasons(lines, ["/service1/7", "/service1/8", "/service1/9", "/service1/10"]) == {
        "/service1/7": "reset at localhost:3002",
        "/service1/8": "refused",
    }
