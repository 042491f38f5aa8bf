#!/usr/bin/env python3
"""Runs the fuzzers over memwatch's parsers.

    Fuzzing/campaign.py [--runs N | --seconds N] [--fast] [--keep] [--no-build] [TARGET ...]

Builds Fuzzing/ (libFuzzer, address sanitizer, optimised), takes each target's corpus out of
Tests/FuzzTests/Corpus and real inputs beside it, and runs the fuzzer. What it finds stays in
.build/fuzzing-work/TARGET: inputs that broke something as crash-…, and the log.

--fast leaves the address sanitizer out, which takes two thirds of the time: for ten million executions.
--keep minimises what was found, and writes it back as the corpus that every test run replays.

Exit status: 0 nothing broke, 1 something did.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parent
WORK = PACKAGE / ".build" / "fuzzing-work"
CORPUS = PACKAGE / "Tests" / "FuzzTests" / "Corpus"
FIXTURES = PACKAGE / "Tests" / "ProcFSTests" / "Fixtures" / "proc"
TARGETS = ["maps", "status", "stat", "elf", "varlink", "text"]
# Of one packed corpus: it is checked in, and run by every test run.
LARGEST_CORPUS = 200 << 10

# What the branches of a parser compare with, which a fuzzer would need long to find.
WORDS = {
    "maps": ["[heap]", "[stack]", "[vdso]", "[vsyscall]", "[anon:x]", "[anon: glibc: malloc arena]",
             "[anon: glibc: pthread stack: 7]", "/memfd:x (deleted)", "/dev/zero", " rw-p 00000000 00:00 0 \\x0a",
             "7f0a1c021000-7f0a20000000", "ffffffffff600000-ffffffffff601000", "\\\\012"],
    "status": ["State:", "Tgid:", "PPid:", "TracerPid:", "Uid:", "Gid:", "Threads:", "Kthread:", "VmSize:",
               "VmPeak:", "VmRSS:", "VmHWM:", "RssAnon:", "RssFile:", "RssShmem:", "VmData:", "VmStk:", "VmLck:",
               "VmSwap:", "VmPTE:", "HugetlbPages:", "CapPrm:", "NSpid:", " kB\\x0a", "0x", "18446744073709551615"],
    "stat": [") S ", "(", ")", "18446744073709551615", "-1 "],
    "elf": ["\\x7fELF\\x02\\x01\\x01", "\\x7fELF\\x01\\x01\\x01", "\\x01\\x00\\x00\\x00\\x05\\x00\\x00\\x00"],
    "varlink": ["\\x00", "\\\"method\\\":", "\\\"parameters\\\":", "\\\"more\\\":true", "\\\"oneway\\\":true",
                "\\\"continues\\\":true", "\\\"error\\\":", "\\\\u", "\\\\ud83d\\\\ude00", "1e308",
                "org.memwatch.Monitor.", "Attach", "History", "Events", "\\\"pid\\\":", "\\\"kinds\\\":[",
                "9223372036854775807", "-9223372036854775808", "null", "false"],
    "text": ["now", "@", "-15m", "T00:00:00Z", "+23:59", "9999-12-31", "KiB", "TiB", "ms", "d", ".5", "[!a-z]",
             "\\\\", "*", "?", "\\x0a"],
}


def scratch(fast):
    return PACKAGE / ".build" / ("fuzzing-fast" if fast else "fuzzing")


def program(fast):
    return scratch(fast) / "release" / "memwatch-fuzz"


def build(fast):
    subprocess.run(
        ["swift", "build", "--package-path", HERE, "--scratch-path", scratch(fast), "-c", "release",
         # SwiftPM names each sanitizer by itself, in any order, and swiftc takes the last: so both at once, behind them.
         *([] if fast else ["--sanitize", "address", "-Xswiftc", "-sanitize=address,fuzzer"]), "--sanitize", "fuzzer",
         "-Xswiftc", "-enable-testing",
         "-Xswiftc", "-use-ld=lld", "--product", "memwatch-fuzz"],
        cwd=PACKAGE, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def unpack(target):
    try:
        packed = (CORPUS / f"{target}.corpus").read_bytes()
    except FileNotFoundError:
        return []
    inputs, index = [], 0
    while index + 4 <= len(packed):
        (count,) = struct.unpack_from("<I", packed, index)
        inputs.append(packed[index + 4 : index + 4 + count])
        index += 4 + count
    return inputs


def pack(target, inputs):
    """The shortest first, as many as fit."""
    packed = b""
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        entry = struct.pack("<I", len(data)) + data
        if len(packed) + len(entry) > LARGEST_CORPUS:
            break
        packed += entry
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{target}.corpus").write_bytes(packed)
    return len(packed)


def read(path, limit):
    try:
        with open(path, "rb") as file:
            return file.read(limit)
    except OSError:
        return b""


def lines(data, limit):
    """Cut into pieces of whole lines."""
    pieces, piece = [], b""
    for line in data.splitlines(keepends=True):
        if piece and len(piece) + len(line) > limit:
            pieces.append(piece)
            piece = b""
        piece += line
    return pieces + [piece]


def seeds(target):
    """Real inputs: the captured trees (not this machine's own, which are nobody's business), files of the system."""
    processes = [entry for entry in sorted(FIXTURES.iterdir()) if entry.name.isdigit()]
    if target == "maps":
        return [piece for entry in processes for size in (500, 2000)
                for piece in lines(read(entry / "maps", 1 << 20), size)] + [
            b"7f0a1c000000-7f0a1c021000 rw-p 00000000 00:00 0 \n7f0a1c021000-7f0a20000000 ---p 00000000 00:00 0 \n",
            b"7f0a1c021000-7f0a20000000 rw-s 00001000 00:01 3082                       /memfd:[vdso] (deleted)\n",
            b"7f0a1c021000-7f0a20000000 rw-p 123456789abc000 103:00 18446744073709551615 /a\\012b\n",
            b"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n"]
    if target == "status":
        return [piece for entry in processes for size in (500, 2000)
                for piece in lines(read(entry / "status", 4096), size)]
    if target == "stat":
        return [read(entry / name, 4096) for entry in processes for name in ("stat", "statm")]
    if target == "elf":
        files = [path for pattern in ("bin/*", "lib/x86_64-linux-gnu/*.so*", "lib/debug/*/*")
                 for path in sorted(pathlib.Path("/usr").glob(pattern))[:200]]
        return [data for data in (read(path, 1024) for path in files) if data.startswith(b"\x7fELF")] + [b"#!/bin/sh"]
    if target == "varlink":
        method = '{"method":"org.memwatch.Monitor.%s","parameters":%s}'
        calls = [
            method % ("Attach", '{"pid":812,"interval":"250ms","children":true}'),
            method % ("Detach", '{"all":true}'), method % ("List", '{"all":false}'),
            method % ("Regions", '{"pid":1,"at":"-15m","kinds":["heap","anon"],"resident":true}'),
            method % ("History", '{"unit":"nginx.service","since":"2026-11-23T02:31:00Z","step":"1h"}'),
        (method % ("Events", '{"pid":1,"events":["mmap"],"follow":true}'))[:-1] + ',"more":true}',
            method % ("Diff", '{"pid":1,"from":"@1795000000.25","to":"now"}'),
            '{"method":"org.varlink.service.GetInfo","oneway":true}',
            '{"parameters":{"samples":[{"time":"2026-11-23T02:31:00.000000Z","pid":1,"vm_size":null}]},"continues":true}',
            '{"error":"org.memwatch.Monitor.NoSuchProcess","parameters":{"pid":1,"reason":"gone"}}',
            '[[],{},{"a":[{"b":{}}]},-0.5e-3,1E+2,123456789012345678901234567890,"\\ud83d\\ude00\\u0000\\/\\b"]',
            '[' * 64 + ']' * 64, '[' * 65 + ']' * 65,
            # Just within the target's limit of a frame, and just not.
            '"' + 'x' * 598 + '"', '"' + 'x' * 599 + '"',
        ]
        frames = [call.encode() for call in calls]
        return frames + [frame + b"\0" for frame in frames] + [b"\0".join(frames[:4]) + b"\0"]
    return [text.encode() for text in (
        "now", "-15m", "@1795000000", "@-1.5", "2026-11-23T02:31:00Z", "2026-11-23T02:31:00.25+01:00",
        "2026-11-23 02:31:00", "2026-02-29", "250ms", "1.5s", "2h", "1d", "64KiB", "1.5GiB", "1000", "64MB", "2TiB",
        "python*\npython3.11", "*/bin/[a-f]?\n/usr/bin/cc", "[!a-z]\\*\nA*", "[]x]\n]", "é*\n\u00e9t\u00e9")]


def fuzz(program, target, limit, work):
    shutil.rmtree(work, ignore_errors=True)
    corpus = work / "corpus"
    corpus.mkdir(parents=True)
    for index, data in enumerate(unpack(target) + seeds(target)):
        (corpus / f"seed-{index:04}").write_bytes(data)
    dictionary = work / "words"
    dictionary.write_text("".join(f'"{word}"\n' for word in WORDS[target]))
    began = time.monotonic()
    log = work / "log"
    with open(log, "wb") as out:
        status = subprocess.run(
            [program, *limit, "-timeout=20", "-rss_limit_mb=2048",
             "-print_final_stats=1", f"-artifact_prefix={work}/", f"-dict={dictionary}", corpus],
            env=environment(target), stdin=subprocess.DEVNULL, stdout=out, stderr=out).returncode
    text = log.read_text(errors="replace")
    coverage = re.findall(r"cov: (\d+) ft: (\d+)", text)
    executed = re.search(r"stat::number_of_executed_units: (\d+)", text)
    peak = re.search(r"stat::peak_rss_mb:\s+(\d+)", text)
    return {
        "target": target, "status": status, "seconds": round(time.monotonic() - began),
        "executions": int(executed.group(1)) if executed else None,
        "edges": int(coverage[-1][0]) if coverage else None, "features": int(coverage[-1][1]) if coverage else None,
        "corpus": len(list(corpus.iterdir())), "peak_mib": int(peak.group(1)) if peak else None,
        "broken": sorted(str(path) for path in work.iterdir() if re.match("(crash|leak|timeout|oom|slow-unit)-", path.name)),
    }


def environment(target):
    # Swift's runtime keeps what it allocates once for good; the zone makes local times the same everywhere.
    return {**os.environ, "MEMWATCH_FUZZ_TARGET": target, "TZ": "Europe/Berlin", "ASAN_OPTIONS": "detect_leaks=0"}


def keep(program, target, work):
    small = work / "minimised"
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir()
    subprocess.run(
        [program, "-merge=1", small, work / "corpus"],
        env=environment(target), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=open(work / "merge-log", "wb"))
    return pack(target, [path.read_bytes() for path in small.iterdir()])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--runs", type=int, help="executions of each target")
    limit.add_argument("--seconds", type=int, help="time for each target (60)")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--fast", action="store_true", help="without the address sanitizer")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    options = parser.parse_args()
    for name in options.targets:
        if name not in TARGETS:
            parser.error(f"no target {name}: there are {', '.join(TARGETS)}")
    if not options.no_build:
        build(options.fast)
    arguments = [f"-runs={options.runs}"] if options.runs else [f"-max_total_time={options.seconds or 60}"]
    failed = False
    for target in options.targets or TARGETS:
        result = fuzz(program(options.fast), target, arguments, WORK / target)
        if options.keep:
            result["kept_bytes"] = keep(program(options.fast), target, WORK / target)
        print(json.dumps(result), flush=True)
        # No edges: it was built without counters, and saw nothing of what it tried.
        failed = failed or result["status"] != 0 or bool(result["broken"]) or result["edges"] is None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
