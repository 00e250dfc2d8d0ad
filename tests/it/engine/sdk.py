"""A conversation of the Python SDK with an Engine: one stream, one exec.

The command answers only after it was spoken to. Else its first output may
come in one piece with the head of the answer, and the SDK drops what it has
read beyond a head, also straight on the Engine's socket.
"""

import socket
import sys

import docker
from docker.utils.socket import frames_iter

host, name = sys.argv[1:]
client = docker.DockerClient(base_url=host, timeout=60)
container = client.containers.get(name)

lines = container.logs(stream=True, follow=True)
print("log", next(lines))

script = "cat; echo err >&2; exit 3"
execution = client.api.exec_create(name, ["sh", "-c", script], stdin=True)["Id"]
stream = client.api.exec_start(execution, socket=True)
stream._sock.sendall(b"in\n")
stream._sock.shutdown(socket.SHUT_WR)
for source, data in sorted(frames_iter(stream, tty=False)):
    print("exec", source, data)
while client.api.exec_inspect(execution)["Running"]:
    pass
print("exec", client.api.exec_inspect(execution)["ExitCode"])

# Only now: a container that ends takes its execs with it.
container.exec_run(["touch", "/go"])

for line in lines:
    print("log", line)
print("exit", container.wait()["StatusCode"])
