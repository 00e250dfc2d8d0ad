"""Restarts the service under its socket unit while clients come, one connection
for each request. Every one of them must be answered with 200.

    restarts.py PORT COUNT
"""

import http.client
import subprocess
import sys
import threading

CLIENTS = 4


def client(port, done, counts, faults):
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
    done, counts, faults = threading.Event(), [], []
    clients = [
        threading.Thread(target=client, args=(port, done, counts, faults)) for _ in range(CLIENTS)
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
    print(f"{len(counts)} requests during {count} restarts, {len(faults)} failed {faults[:3]}")
    sys.exit(bool(faults) or not counts)


main()
