"""Ctrl-C, and the line that says how far a run is."""

import json
import os
import pty
import select
import signal
import subprocess
import time

import lint

BIG = "made/fragments-1000.lance"


def command(place, *args) -> list:
    """A run against a store."""
    options = [f"--storage-option={key}={value}" for key, value in place.options.items()]
    return [lint.binary(), place.url(BIG), *options, *args]


def environment(home) -> dict:
    """That of a run, without credentials of this machine."""
    clean = {k: v for k, v in os.environ.items() if not k.upper().startswith(lint.FOREIGN)}
    return {**clean, "HOME": str(home), "NO_COLOR": "1"}


def until(condition):
    """Waits for something that comes."""
    while not condition():
        time.sleep(0.02)


def test_ctrl_c_prints_what_was_found_so_far(s3, tmp_path):
    """Status 130, a whole report of the part that was looked at, and why it is a part."""
    s3.proxy.latency = 0.2
    child = subprocess.Popen(
        command(s3, "--concurrency", "4", "--format", "json"),
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until(lambda: len(s3.proxy.log) > 20)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130, err
    report = json.loads(out)
    assert report["summary"]["stopped"] == "interrupted"
    (subject,) = report["subjects"]
    assert 0 < subject["fragments"] < 1000
    assert any("interrupted" in note for note in subject["notes"])
    assert not report["findings"]
    # A pipe is no place for progress.
    assert err == b""


def test_ctrl_c_before_anything_is_known(s3, tmp_path):
    """Nothing to print, said as such; no hang on the request under way."""
    s3.proxy.latency = 20
    child = subprocess.Popen(
        command(s3), env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    until(lambda: len(s3.proxy.log) > 0)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=10)
    assert child.returncode == 130
    assert out == b""
    assert b"interrupted" in err


def test_a_terminal_sees_how_far_it_is_and_then_the_line_is_gone(s3, tmp_path):
    """Fragments, time left, bytes and findings, on standard error."""
    s3.proxy.latency = 0.1
    master, slave = pty.openpty()
    child = subprocess.Popen(
        command(s3, "--concurrency", "16", "--format", "json"),
        env={**environment(tmp_path), "TERM": "xterm", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while True:
        ready, _, _ = select.select([master, child.stdout], [], [], 60)
        assert ready, "nothing for a minute"
        if child.stdout in ready:
            break
        try:
            shown += os.read(master, 65536)
        except OSError:
            break
    out, _ = child.communicate(timeout=60)
    os.close(master)
    assert child.returncode == 0
    assert json.loads(out)["subjects"][0]["fragments"] == 1000
    text = shown.decode(errors="replace")
    assert "of 1,000 fragments" in text
    for word in (" left", "MiB", "findings"):
        assert word in text, text[-400:]
