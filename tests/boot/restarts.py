"""Restarts the service under its socket unit while clients come, one connection
for each request. No connection may be refused, and every answer must be 200.
One that the stopping process has accepted and not read is closed without an
answer (docs/installation.md says so); such are counted, and must stay rare.

    restarts.py PORT COUNT
"""

import http.client
import subprocess
import sys
import threading

CLIENTS = 4
# Of a hundred requests, how many may be closed without an answer.
CLOSED_PERCENT = 5


def client(port, done, counts, closed, faults):
    """Requests until the restarts are over."""
    while not done.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", "/version", headers={"Connection": "close"})
            answer = connection.getresponse()
            answer.read()
            counts.append(1)
            if answer.status != 200:
                faults.append(f"status {answer.status}")
        except (ConnectionResetError, BrokenPipeError) as error:
            closed.append(repr(error))
        except (OSError, http.client.HTTPException) as error:
            faults.append(repr(error))
        finally:
            connection.close()


def restart():
    """As often as it takes: systemd allows five starts in ten seconds."""
    subprocess.run(["systemctl", "reset-failed", "socket-proxy.service"], check=True)
    subprocess.run(["systemctl", "restart", "socket-proxy.service"], check=True)


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    done, counts, closed, faults = threading.Event(), [], [], []
    clients = [
        threading.Thread(target=client, args=(port, done, counts, closed, faults))
        for _ in range(CLIENTS)
    ]
    for thread in clients:
        thread.start()
    try:
        for _ in range(count):
            restart()
            # Each time some requests must have passed.
            before = len(counts)
            while len(counts) < before + 20 and not faults:
                done.wait(0.01)
    finally:
        done.set()
    for thread in clients:
        thread.join()
    print(
        f"{len(counts)} requests during {count} restarts, "
        f"{len(closed)} closed without an answer, {len(faults)} failed {faults[:3]}"
    )
    often = len(closed) * 100 > CLOSED_PERCENT * (len(counts) + len(closed))
    sys.exit(bool(faults) or not counts or often)


main()
