"""Runs `true` on many machines by a library, twice: on fresh connections, and over those.

Arguments: library, file of addresses, port, user, key, machines at once, process of sshd. Writes [[wall, client's processor time,
sshd's processor time], the same again] in seconds.
"""

import asyncio
import json
import os
import resource
import sys
import time

LIBRARY, HOSTS, PORT, USER, KEY, AT_ONCE, SSHD = sys.argv[1:]
PORT, AT_ONCE, SSHD = int(PORT), int(AT_ONCE), int(SSHD)
HOSTS = open(HOSTS).read().split()
TICK = os.sysconf("SC_CLK_TCK")


def own_cpu():
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def sshd_cpu():
    """Of sshd and all that it started, ended processes too."""
    parents, used = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{name}/stat").read().rpartition(") ")[2].split()
            nanoseconds = int(open(f"/proc/{name}/schedstat").read().split()[0])
        except OSError:
            continue
        parents[int(name)] = int(fields[1])
        used[int(name)] = nanoseconds / 1e9 + (int(fields[13]) + int(fields[14])) / TICK

    def belongs(pid):
        while pid not in (0, SSHD):
            pid = parents.get(pid, 0)
        return pid == SSHD

    return sum(seconds for pid, seconds in used.items() if belongs(pid))


class Meter:
    def __init__(self):
        self.rows = []

    def __enter__(self):
        self.sshd, self.cpu, self.wall = sshd_cpu(), own_cpu(), time.perf_counter()

    def __exit__(self, *_):
        wall, cpu = time.perf_counter() - self.wall, own_cpu() - self.cpu
        self.rows.append([wall, cpu, sshd_cpu() - self.sshd])


def by_pssh():
    from pssh.clients import ParallelSSHClient

    client = ParallelSSHClient(HOSTS, user=USER, port=PORT, pkey=KEY, pool_size=AT_ONCE, allow_agent=False)
    meter = Meter()
    for _ in range(2):
        with meter:
            output = client.run_command("true")
            client.join(output)
        if any(host.exit_code != 0 for host in output):
            sys.exit("not all succeeded")
    return meter.rows


async def by_asyncssh():
    import asyncssh

    key = asyncssh.read_private_key(KEY)
    gate = asyncio.Semaphore(AT_ONCE)
    connections = {}

    async def one(host):
        async with gate:
            if host not in connections:
                connections[host] = await asyncssh.connect(
                    host, PORT, username=USER, client_keys=[key], known_hosts=None, agent_path=None, config=None
                )
            result = await connections[host].run("true")
            if result.exit_status != 0:
                sys.exit("not all succeeded")

    meter = Meter()
    for _ in range(2):
        with meter:
            await asyncio.gather(*map(one, HOSTS))
    for connection in connections.values():
        connection.close()
    return meter.rows


print(json.dumps(by_pssh() if LIBRARY == "pssh" else asyncio.run(by_asyncssh())))
