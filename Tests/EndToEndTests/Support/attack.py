"""A client of the daemon's socket that means harm: attack.py SOCKET KIND AMOUNT

Ends when the amount is reached, and prints one line with what it did. Random, but the same in every run.
"""

import random
import select
import socket
import sys

path, kind, amount = sys.argv[1], sys.argv[2], int(sys.argv[3])
chance = random.Random(20261123)
EVENTS = b'{"method":"org.memwatch.Monitor.Events","parameters":{"since":"-1d"%s},"more":true}\0'
CALLS = [
    b'{"method":"org.memwatch.Monitor.Status"}', b'{"method":"org.memwatch.Monitor.List","parameters":{"all":true}}',
    b'{"method":"org.memwatch.Monitor.Regions","parameters":{"pid":1,"kinds":["heap"],"resident":true}}',
    b'{"method":"org.memwatch.Monitor.History","parameters":{"pid":1,"since":"-15m","step":"1s","kinds":["anon"]}}',
    b'{"method":"org.memwatch.Monitor.Events","parameters":{"pid":1,"events":["mmap"],"until":"now"},"more":true}',
    b'{"method":"org.memwatch.Monitor.Diff","parameters":{"pid":1,"from":"@1795000000.5","to":"now"}}',
    b'{"method":"org.memwatch.Monitor.Attach","parameters":{"pid":999999,"interval":"250ms","children":true}}',
    b'{"method":"org.memwatch.Monitor.Detach","parameters":{"rule":"comm:x*"}}',
    b'{"method":"org.varlink.service.GetInfo"}',
    b'{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"org.memwatch.Monitor"}}',
]
SYNTAX = [b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\\u", b"-", b"1e999", b"null", b"true", b"\xff", b"\0",
          b"99999999999999999999", b'"oneway":true,', b'"more":true,', b"\\ud800", b"\xc3\xa9", b"now", b"@-1"]


def connect():
    """None where the daemon does not take one more."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Not a measure of anything: an attack that would hang for ever ends instead.
    peer.settimeout(120)
    try:
        peer.connect(path)
    except BlockingIOError:
        peer.close()
        return None
    return peer


def send(peer, data):
    """False where the daemon has hung up."""
    try:
        peer.sendall(data)
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False


def rest(peer):
    """Everything until the daemon hangs up: how many frames."""
    count = 0
    try:
        while data := peer.recv(1 << 16):
            count += data.count(0)
    except ConnectionResetError:
        pass
    return count


def broken(call):
    data = bytearray(call)
    for _ in range(chance.randint(0, 3)):
        place, length = chance.randint(0, len(data)), chance.randint(0, 8)
        choice = chance.randrange(4)
        if choice == 0:
            del data[place : place + length]
        elif choice == 1:
            data[place:place] = data[place : place + length]
        elif choice == 2:
            data[place:place] = chance.choice(SYNTAX)
        elif place < len(data):
            data[place] ^= 1 << chance.randrange(8)
    return bytes(data) + b"\0"


def frames():
    """Random bytes and calls that are damaged. Only those count that the daemon has answered: what follows a
    violation it does not read."""
    answered, connections = 0, 0
    while answered < amount:
        peer = connect()
        if not peer:
            continue
        connections += 1
        batch = [chance.randbytes(chance.randint(0, 64)) + b"\0" if chance.random() < 0.1 else broken(chance.choice(CALLS))
                 for _ in range(16)]
        if send(peer, b"".join(batch)):
            try:
                peer.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        answered += rest(peer)
        peer.close()
    return f"{answered} frames answered, on {connections} connections"


def garbage():
    """Bytes without an end."""
    sent, closed, chunk = 0, 0, chance.randbytes(1 << 20).replace(b"\0", b"[")
    while sent < amount:
        peer = connect()
        if not peer:
            continue
        while sent < amount:
            try:
                sent += peer.send(chunk)
            except (BrokenPipeError, ConnectionResetError):
                closed += 1
                break
        peer.close()
    return f"{sent} bytes, {closed} connections closed"


def nesting():
    answered = 0
    for number in range(amount):
        peer = connect()
        # Those that a call has room for are read, the others are too long.
        nest = (b"[" * 60_000, b'{"a":' * 12_000, b"[" * 100_000, b'[{"":' * 100_000)[number % 4]
        send(peer, b'{"method":"a.b.C","parameters":' + nest + b"\0")
        answered += rest(peer)
        peer.close()
    return f"{amount} frames nested up to 200,000 deep, {answered} answers"


def large():
    """The most that one frame can cost, on as many connections as a user has."""
    empty = b'{"method":"org.memwatch.Monitor.List","x":[%s]}' 
    marks = "\u0301\u0316".encode()
    sent = 0
    while sent < amount:
        peers = [peer for peer in (connect() for _ in range(64)) if peer]
        for peer in peers:
            size = (64 << 10) - 64
            filling = (b"[]," * (size // 3))[:-1] if sent % 3 == 0 else b'{"":1},' * (size // 7) + b"1"
            frame = empty % filling
            if sent % 3 == 2:
                frame = b'{"method":"' + marks * (size // 4) + b'.X"}'
            send(peer, frame + b"\0")
            sent += 1
        for peer in peers:
            try:
                peer.recv(1 << 16)
            except ConnectionResetError:
                pass
            peer.close()
    return f"{sent} frames of 64 KiB"


def connections():
    peers = [connect() for _ in range(amount)]
    open_peers = [peer for peer in peers if peer]
    held = 0
    for peer in open_peers:
        if send(peer, b'{"method":"org.varlink.service.GetInfo"}\0'):
            try:
                held += 1 if peer.recv(1 << 16) else 0
            except ConnectionResetError:
                pass
    return f"{len(open_peers)} connections, {held} answered"


def slow():
    """Readers that take a byte of their replies now and then, and writers that send a byte of their call."""
    peers = [peer for peer in (connect() for _ in range(64)) if peer]
    for index, peer in enumerate(peers):
        send(peer, EVENTS % b"" if index % 2 else EVENTS[:40])
    taken = 0
    for _ in range(amount):
        for index, peer in enumerate(list(peers)):
            try:
                if index % 2 == 0:
                    peer.send(b" ")
                elif select.select([peer], [], [], 0)[0]:
                    taken += len(peer.recv(1))
            except (BrokenPipeError, ConnectionResetError):
                peers.remove(peer)
    return f"{len(peers)} connections held, {taken} bytes taken"


print({"frames": frames, "garbage": garbage, "nesting": nesting, "large": large, "connections": connections,
       "slow": slow}[kind](), flush=True)
