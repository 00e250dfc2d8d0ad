"""The Python SDK, with DOCKER_HOST and what belongs to it set: sdk.py CONTAINER"""

import faulthandler
import os
import sys

import docker


def main():
    # Says where it waits, instead of waiting.
    faulthandler.dump_traceback_later(60, exit=True)
    name = sys.argv[1]
    if os.environ["DOCKER_HOST"].startswith("ssh://"):
        client = docker.DockerClient(os.environ["DOCKER_HOST"], use_ssh_client=True)
    else:
        client = docker.from_env()
    assert client.version()["ApiVersion"]
    assert name in [container.name for container in client.containers.list()]
    container = client.containers.get(name)
    assert container.exec_run("echo hello") == (0, b"hello\n")
    code, streams = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 3"], demux=True)
    assert (code, streams) == (3, (b"out\n", b"err\n")), (code, streams)
    # A socket of its own, written to and read from.
    ident = client.api.exec_create(name, ["cat"], stdin=True)["Id"]
    stream = client.api.exec_start(ident, socket=True)
    raw = getattr(stream, "_sock", stream)
    raw.sendall(b"ping\n")
    # Byte by byte: over SSH the SDK waits for the requested number.
    received = b""
    while not received.endswith(b"ping\n"):
        received += raw.recv(1)
    raw.close()
    lines = container.logs(stream=True, follow=True, tail=1)
    first, second = next(lines), next(lines)
    assert first != second, (first, second)
    try:
        container.remove(force=True)
    except docker.errors.APIError as error:
        assert error.status_code in (403, 405) and "socket-proxy: " in error.explanation, error
    else:
        raise AssertionError("it removes a container")


main()
