-- The history of memwatch 0.1.0, of a memgrow that moved its break three times, as `.dump` of sqlite3
-- printed it (path and boot id replaced).
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
INSERT INTO grdb_migrations VALUES('2026-11 first');
CREATE TABLE name (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL UNIQUE,
    last_day INTEGER NOT NULL
);
INSERT INTO name VALUES(1,X'2f7573722f62696e2f6d656d67726f77',20780);
INSERT INTO name VALUES(2,X'5b686561705d',20780);
INSERT INTO name VALUES(3,X'2f7573722f6c69622f7838365f36342d6c696e75782d676e752f6c6962632e736f2e36',20780);
INSERT INTO name VALUES(4,X'2f7573722f6c69622f7838365f36342d6c696e75782d676e752f6c6962737464632b2b2e736f2e362e302e3330',20780);
INSERT INTO name VALUES(5,X'2f7573722f6c69622f7838365f36342d6c696e75782d676e752f6c69626763635f732e736f2e31',20780);
INSERT INTO name VALUES(6,X'2f7573722f6c69622f7838365f36342d6c696e75782d676e752f6c69626d2e736f2e36',20780);
INSERT INTO name VALUES(7,X'5b767661725d',20780);
INSERT INTO name VALUES(8,X'5b767661725f76636c6f636b5d',20780);
INSERT INTO name VALUES(9,X'5b7664736f5d',20780);
INSERT INTO name VALUES(10,X'2f7573722f6c69622f7838365f36342d6c696e75782d676e752f6c642d6c696e75782d7838362d36342e736f2e32',20780);
INSERT INTO name VALUES(11,X'5b737461636b5d',20780);
INSERT INTO name VALUES(12,X'5b7673797363616c6c5d',20780);
INSERT INTO name VALUES(13,X'6d656d67726f77',20780);
CREATE TABLE mapping (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    perms INTEGER NOT NULL,
    name INTEGER NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    last_day INTEGER NOT NULL,
    UNIQUE (inode, name, device, kind, perms)
);
INSERT INTO mapping VALUES(1,0,5,1,266338304,1287861,20780);
INSERT INTO mapping VALUES(2,1,1,1,266338304,1287861,20780);
INSERT INTO mapping VALUES(3,2,3,1,266338304,1287861,20780);
INSERT INTO mapping VALUES(4,3,3,0,0,0,20780);
INSERT INTO mapping VALUES(5,4,3,2,0,0,20780);
INSERT INTO mapping VALUES(6,1,1,3,266338304,333151,20780);
INSERT INTO mapping VALUES(7,0,5,3,266338304,333151,20780);
INSERT INTO mapping VALUES(8,2,3,3,266338304,333151,20780);
INSERT INTO mapping VALUES(9,1,1,4,266338304,333671,20780);
INSERT INTO mapping VALUES(10,0,5,4,266338304,333671,20780);
INSERT INTO mapping VALUES(11,2,3,4,266338304,333671,20780);
INSERT INTO mapping VALUES(12,6,3,0,0,0,20780);
INSERT INTO mapping VALUES(13,1,1,5,266338304,333296,20780);
INSERT INTO mapping VALUES(14,0,5,5,266338304,333296,20780);
INSERT INTO mapping VALUES(15,2,3,5,266338304,333296,20780);
INSERT INTO mapping VALUES(16,1,1,6,266338304,333473,20780);
INSERT INTO mapping VALUES(17,0,5,6,266338304,333473,20780);
INSERT INTO mapping VALUES(18,2,3,6,266338304,333473,20780);
INSERT INTO mapping VALUES(19,16,1,7,0,0,20780);
INSERT INTO mapping VALUES(20,16,1,8,0,0,20780);
INSERT INTO mapping VALUES(21,16,5,9,0,0,20780);
INSERT INTO mapping VALUES(22,1,1,10,266338304,332717,20780);
INSERT INTO mapping VALUES(23,0,5,10,266338304,332717,20780);
INSERT INTO mapping VALUES(24,2,3,10,266338304,332717,20780);
INSERT INTO mapping VALUES(25,5,3,11,0,0,20780);
INSERT INTO mapping VALUES(26,16,4,12,0,0,20780);
CREATE TABLE process (
    id INTEGER PRIMARY KEY,
    boot_id TEXT NOT NULL,
    pid INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    pidfd_inode INTEGER,
    comm BLOB NOT NULL,
    exe BLOB,
    uid INTEGER,
    gid INTEGER,
    unit TEXT,
    cgroup TEXT,
    started INTEGER,
    attached INTEGER NOT NULL,
    ended INTEGER,
    end_state TEXT,
    reader_uid INTEGER,
    reader_gid INTEGER,
    regions_from INTEGER NOT NULL DEFAULT 0
);
INSERT INTO process VALUES(1,'0f0e0d0c-0b0a-4908-8706-050403020100',3768,1362317,328320,X'6d656d67726f77',X'2f7573722f62696e2f6d656d67726f77',0,0,NULL,'/',1795414643346975,1795414643663997,NULL,NULL,NULL,NULL,0);
CREATE TABLE clock_step (
    process INTEGER NOT NULL,
    at INTEGER NOT NULL,
    shift INTEGER NOT NULL,
    PRIMARY KEY (process, at)
) WITHOUT ROWID;
CREATE TABLE sample_base (
    process INTEGER NOT NULL,
    id INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    text INTEGER, rodata INTEGER, data INTEGER, bss INTEGER, heap INTEGER, stack INTEGER, anon INTEGER, arena INTEGER, thread_stack INTEGER, guard INTEGER, reserved INTEGER, jit INTEGER, file INTEGER, shared INTEGER, hugetlb INTEGER, device INTEGER, vdso INTEGER, vm_rest INTEGER, rss_rest INTEGER, rss_anon INTEGER, rss_file INTEGER, rss_shmem INTEGER, swap INTEGER, page_tables INTEGER, threads INTEGER, regions INTEGER, break_rest INTEGER, stack_limit INTEGER, consistent INTEGER,
    PRIMARY KEY (process, id)
) WITHOUT ROWID;
INSERT INTO sample_base VALUES(1,1,4096,1988,549,273,553,33,33,7,0,0,0,0,0,0,0,0,0,8,0,0,93,875,0,0,16,1,39,23103698510,2048,1);
CREATE TABLE sample (
    process INTEGER NOT NULL,
    at INTEGER NOT NULL,
    base INTEGER NOT NULL,
    c1 INTEGER, c2 INTEGER, c3 INTEGER, c4 INTEGER, c5 INTEGER, c6 INTEGER,
    PRIMARY KEY (process, at)
) WITHOUT ROWID;
INSERT INTO sample VALUES(1,2401,1,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO sample VALUES(1,1004424,1,1540,1555,NULL,NULL,NULL,NULL);
INSERT INTO sample VALUES(1,2004341,1,516,531,NULL,NULL,NULL,NULL);
INSERT INTO sample VALUES(1,3004301,1,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE sample_minute (
    process INTEGER NOT NULL,
    at INTEGER NOT NULL,
    part INTEGER NOT NULL,
    base INTEGER NOT NULL,
    c1 INTEGER, c2 INTEGER, c3 INTEGER, c4 INTEGER, c5 INTEGER, c6 INTEGER,
    PRIMARY KEY (process, at, part)
) WITHOUT ROWID;
CREATE TABLE sample_hour (
    process INTEGER NOT NULL,
    at INTEGER NOT NULL,
    part INTEGER NOT NULL,
    base INTEGER NOT NULL,
    c1 INTEGER, c2 INTEGER, c3 INTEGER, c4 INTEGER, c5 INTEGER, c6 INTEGER,
    PRIMARY KEY (process, at, part)
) WITHOUT ROWID;
CREATE TABLE region (
    process INTEGER NOT NULL,
    died INTEGER NOT NULL,
    start INTEGER NOT NULL,
    since INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mapping INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    tid INTEGER NOT NULL,
    PRIMARY KEY (process, died, start)
) WITHOUT ROWID;
INSERT INTO region VALUES(1,0,23103496602,2401,1212,1,0,0);
INSERT INTO region VALUES(1,0,23103497815,2401,21,2,1212,0);
INSERT INTO region VALUES(1,0,23103497836,2401,264,3,1233,0);
INSERT INTO region VALUES(1,0,23103498100,2401,537,4,0,0);
INSERT INTO region VALUES(1,0,23103698510,3004301,33,5,0,0);
INSERT INTO region VALUES(1,0,34349954590,2401,38,6,0,0);
INSERT INTO region VALUES(1,0,34349954628,2401,342,7,38,0);
INSERT INTO region VALUES(1,0,34349954970,2401,83,6,380,0);
INSERT INTO region VALUES(1,0,34349955053,2401,4,6,463,0);
INSERT INTO region VALUES(1,0,34349955057,2401,2,8,467,0);
INSERT INTO region VALUES(1,0,34349955059,2401,13,4,0,0);
INSERT INTO region VALUES(1,0,34349955072,2401,153,9,0,0);
INSERT INTO region VALUES(1,0,34349955225,2401,257,10,153,0);
INSERT INTO region VALUES(1,0,34349955482,2401,111,9,410,0);
INSERT INTO region VALUES(1,0,34349955593,2401,11,9,521,0);
INSERT INTO region VALUES(1,0,34349955604,2401,3,11,532,0);
INSERT INTO region VALUES(1,0,34349955607,2401,3,4,0,0);
INSERT INTO region VALUES(1,0,34349955680,2401,5,12,0,0);
INSERT INTO region VALUES(1,0,34349955685,2401,3,13,0,0);
INSERT INTO region VALUES(1,0,34349955688,2401,23,14,3,0);
INSERT INTO region VALUES(1,0,34349955711,2401,4,13,26,0);
INSERT INTO region VALUES(1,0,34349955715,2401,1,13,29,0);
INSERT INTO region VALUES(1,0,34349955716,2401,1,15,30,0);
INSERT INTO region VALUES(1,0,34349955717,2401,16,16,0,0);
INSERT INTO region VALUES(1,0,34349955733,2401,116,17,16,0);
INSERT INTO region VALUES(1,0,34349955849,2401,90,16,132,0);
INSERT INTO region VALUES(1,0,34349955939,2401,1,16,221,0);
INSERT INTO region VALUES(1,0,34349955940,2401,1,18,222,0);
INSERT INTO region VALUES(1,0,34349955950,2401,2,12,0,0);
INSERT INTO region VALUES(1,0,34349955952,2401,4,19,0,0);
INSERT INTO region VALUES(1,0,34349955956,2401,2,20,0,0);
INSERT INTO region VALUES(1,0,34349955958,2401,2,21,0,0);
INSERT INTO region VALUES(1,0,34349955960,2401,1,22,0,0);
INSERT INTO region VALUES(1,0,34349955961,2401,38,23,1,0);
INSERT INTO region VALUES(1,0,34349955999,2401,10,22,39,0);
INSERT INTO region VALUES(1,0,34349956009,2401,2,22,49,0);
INSERT INTO region VALUES(1,0,34349956011,2401,2,24,51,0);
INSERT INTO region VALUES(1,0,34356536105,2401,33,25,0,0);
INSERT INTO region VALUES(1,0,4503599627367936,2401,1,26,0,0);
INSERT INTO region VALUES(1,1004424,23103698510,-1002023,33,5,0,0);
INSERT INTO region VALUES(1,2004341,23103698510,-999917,81,5,0,0);
INSERT INTO region VALUES(1,3004301,23103698510,-999960,49,5,0,0);
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    process INTEGER NOT NULL,
    time INTEGER NOT NULL,
    type INTEGER NOT NULL,
    source INTEGER NOT NULL,
    kind INTEGER,
    delta INTEGER,
    size INTEGER,
    start INTEGER,
    "end" INTEGER,
    perms INTEGER,
    name INTEGER,
    tid INTEGER,
    comm INTEGER NOT NULL
);
INSERT INTO event VALUES(1,1,1795414643666398,0,0,NULL,NULL,14106624,NULL,NULL,NULL,NULL,NULL,13);
INSERT INTO event VALUES(2,1,1795414644668421,1,0,4,196608,331776,23103698543,23103698591,3,2,NULL,13);
INSERT INTO event VALUES(3,1,1795414645668338,2,0,4,-131072,200704,23103698559,23103698591,3,2,NULL,13);
INSERT INTO event VALUES(4,1,1795414646668298,2,0,4,-65536,135168,23103698543,23103698559,3,2,NULL,13);
CREATE TABLE attachment (
    id INTEGER PRIMARY KEY,
    boot_id TEXT,
    pid INTEGER,
    start_ticks INTEGER,
    pidfd_inode INTEGER,
    rule TEXT,
    interval INTEGER,
    children INTEGER NOT NULL,
    owner_uid INTEGER NOT NULL
);
INSERT INTO attachment VALUES(1,'0f0e0d0c-0b0a-4908-8706-050403020100',3768,1362317,328320,NULL,NULL,0,0);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('event',4);
CREATE INDEX process_by_pid ON process (pid, start_ticks);
CREATE INDEX event_by_process ON event (process, time);
CREATE VIEW processes AS
SELECT id AS process, pid, CAST(comm AS TEXT) AS comm, CAST(exe AS TEXT) AS exe, uid, gid, unit, cgroup,
    strftime('%Y-%m-%dT%H:%M:%S', ((started) - (((started) % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch') || printf('.%06dZ', (((started) % 1000000 + 1000000) % 1000000)) AS started, strftime('%Y-%m-%dT%H:%M:%S', ((attached) - (((attached) % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch') || printf('.%06dZ', (((attached) % 1000000 + 1000000) % 1000000)) AS attached, strftime('%Y-%m-%dT%H:%M:%S', ((ended) - (((ended) % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch') || printf('.%06dZ', (((ended) % 1000000 + 1000000) % 1000000)) AS ended,
    end_state, reader_uid, reader_gid, boot_id, start_ticks, pidfd_inode
FROM process;
CREATE VIEW samples AS
SELECT strftime('%Y-%m-%dT%H:%M:%S', ((time_us) - (((time_us) % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch') || printf('.%06dZ', (((time_us) % 1000000 + 1000000) % 1000000)) AS time, time_us, process, pid, resolution, part,
    vm_rest + ifnull(text, 0) + ifnull(rodata, 0) + ifnull(data, 0) + ifnull(bss, 0) + ifnull(heap, 0) + ifnull(stack, 0) + ifnull(anon, 0) + ifnull(arena, 0) + ifnull(thread_stack, 0) + ifnull(guard, 0) + ifnull(reserved, 0) + ifnull(jit, 0) + ifnull(file, 0) + ifnull(shared, 0) + ifnull(hugetlb, 0) + ifnull(device, 0) + ifnull(vdso, 0) AS vm_size,
    rss_rest + ifnull(rss_anon, 0) + ifnull(rss_file, 0) + ifnull(rss_shmem, 0) AS rss,
    rss_anon, rss_file, rss_shmem, swap, page_tables, threads, regions,
    printf('0x%x', break_rest + ifnull(heap, 0)) AS program_break, stack_limit,
    text, rodata, data, bss, heap, stack, anon, arena, thread_stack, guard, reserved, jit, file, shared, hugetlb, device, vdso, consistent
FROM (
SELECT s.process, p.pid, 'raw' AS resolution, 'last' AS part,
    p.attached + s.at - ifnull((SELECT c.shift FROM clock_step c WHERE c.process = s.process AND c.at <= s.at ORDER BY c.at DESC LIMIT 1), 0) AS time_us, (b.text + CASE 0 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS text,
(b.rodata + CASE 1 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rodata,
(b.data + CASE 2 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS data,
(b.bss + CASE 3 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS bss,
(b.heap + CASE 4 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS heap,
(b.stack + CASE 5 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS stack,
(b.anon + CASE 6 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS anon,
(b.arena + CASE 7 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS arena,
(b.thread_stack + CASE 8 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS thread_stack,
(b.guard + CASE 9 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS guard,
(b.reserved + CASE 10 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS reserved,
(b.jit + CASE 11 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS jit,
(b.file + CASE 12 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS file,
(b.shared + CASE 13 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS shared,
(b.hugetlb + CASE 14 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS hugetlb,
(b.device + CASE 15 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS device,
(b.vdso + CASE 16 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS vdso,
(b.vm_rest + CASE 17 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS vm_rest,
(b.rss_rest + CASE 18 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_rest,
(b.rss_anon + CASE 19 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_anon,
(b.rss_file + CASE 20 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_file,
(b.rss_shmem + CASE 21 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_shmem,
(b.swap + CASE 22 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS swap,
(b.page_tables + CASE 23 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS page_tables,
(b.break_rest + CASE 26 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS break_rest,
(b.threads + CASE 24 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) AS threads,
(b.regions + CASE 25 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) AS regions,
(b.consistent + CASE 28 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) AS consistent,
CASE (b.stack_limit + CASE 27 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) WHEN -1 THEN -1 ELSE (b.stack_limit + CASE 27 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit END AS stack_limit
FROM sample s
JOIN process p ON p.id = s.process
JOIN sample_base b ON b.process = s.process AND b.id = s.base
UNION ALL
SELECT s.process, p.pid, 'minute' AS resolution, CASE s.part WHEN 0 THEN 'last' WHEN 1 THEN 'min' ELSE 'max' END AS part,
    p.attached + s.at - ifnull((SELECT c.shift FROM clock_step c WHERE c.process = s.process AND c.at <= s.at ORDER BY c.at DESC LIMIT 1), 0) AS time_us, (b.text + CASE 0 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS text,
(b.rodata + CASE 1 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rodata,
(b.data + CASE 2 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS data,
(b.bss + CASE 3 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS bss,
(b.heap + CASE 4 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS heap,
(b.stack + CASE 5 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS stack,
(b.anon + CASE 6 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS anon,
(b.arena + CASE 7 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS arena,
(b.thread_stack + CASE 8 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS thread_stack,
(b.guard + CASE 9 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS guard,
(b.reserved + CASE 10 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS reserved,
(b.jit + CASE 11 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS jit,
(b.file + CASE 12 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS file,
(b.shared + CASE 13 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS shared,
(b.hugetlb + CASE 14 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS hugetlb,
(b.device + CASE 15 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS device,
(b.vdso + CASE 16 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS vdso,
(b.vm_rest + CASE 17 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS vm_rest,
(b.rss_rest + CASE 18 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_rest,
(b.rss_anon + CASE 19 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_anon,
(b.rss_file + CASE 20 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_file,
(b.rss_shmem + CASE 21 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_shmem,
(b.swap + CASE 22 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS swap,
(b.page_tables + CASE 23 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS page_tables,
(b.break_rest + CASE 26 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS break_rest,
(b.threads + CASE 24 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) AS threads,
(b.regions + CASE 25 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) AS regions,
(b.consistent + CASE 28 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) AS consistent,
CASE (b.stack_limit + CASE 27 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) WHEN -1 THEN -1 ELSE (b.stack_limit + CASE 27 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit END AS stack_limit
FROM sample_minute s
JOIN process p ON p.id = s.process
JOIN sample_base b ON b.process = s.process AND b.id = s.base
UNION ALL
SELECT s.process, p.pid, 'hour' AS resolution, CASE s.part WHEN 0 THEN 'last' WHEN 1 THEN 'min' ELSE 'max' END AS part,
    p.attached + s.at - ifnull((SELECT c.shift FROM clock_step c WHERE c.process = s.process AND c.at <= s.at ORDER BY c.at DESC LIMIT 1), 0) AS time_us, (b.text + CASE 0 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS text,
(b.rodata + CASE 1 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rodata,
(b.data + CASE 2 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS data,
(b.bss + CASE 3 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS bss,
(b.heap + CASE 4 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS heap,
(b.stack + CASE 5 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS stack,
(b.anon + CASE 6 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS anon,
(b.arena + CASE 7 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS arena,
(b.thread_stack + CASE 8 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS thread_stack,
(b.guard + CASE 9 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS guard,
(b.reserved + CASE 10 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS reserved,
(b.jit + CASE 11 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS jit,
(b.file + CASE 12 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS file,
(b.shared + CASE 13 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS shared,
(b.hugetlb + CASE 14 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS hugetlb,
(b.device + CASE 15 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS device,
(b.vdso + CASE 16 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS vdso,
(b.vm_rest + CASE 17 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS vm_rest,
(b.rss_rest + CASE 18 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_rest,
(b.rss_anon + CASE 19 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_anon,
(b.rss_file + CASE 20 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_file,
(b.rss_shmem + CASE 21 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS rss_shmem,
(b.swap + CASE 22 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS swap,
(b.page_tables + CASE 23 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS page_tables,
(b.break_rest + CASE 26 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit AS break_rest,
(b.threads + CASE 24 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) AS threads,
(b.regions + CASE 25 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) AS regions,
(b.consistent + CASE 28 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) AS consistent,
CASE (b.stack_limit + CASE 27 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) WHEN -1 THEN -1 ELSE (b.stack_limit + CASE 27 WHEN s.c1 & 31 THEN s.c1 >> 5 WHEN s.c2 & 31 THEN s.c2 >> 5 WHEN s.c3 & 31 THEN s.c3 >> 5 WHEN s.c4 & 31 THEN s.c4 >> 5 WHEN s.c5 & 31 THEN s.c5 >> 5 WHEN s.c6 & 31 THEN s.c6 >> 5 ELSE 0 END) * b.unit END AS stack_limit
FROM sample_hour s
JOIN process p ON p.id = s.process
JOIN sample_base b ON b.process = s.process AND b.id = s.base
);
CREATE VIEW regions AS
SELECT r.process, p.pid,
    printf('0x%x', CASE WHEN r.start >= 0 THEN r.start << 12 ELSE -r.start END) AS start,
    printf('0x%x', (CASE WHEN r.start >= 0 THEN r.start << 12 ELSE -r.start END) + (CASE WHEN r.size >= 0 THEN r.size << 12 ELSE -r.size END)) AS "end",
    CASE WHEN r.size >= 0 THEN r.size << 12 ELSE -r.size END AS size, CASE WHEN m.perms & 1 THEN 'r' ELSE '-' END || CASE WHEN m.perms & 2 THEN 'w' ELSE '-' END || CASE WHEN m.perms & 4 THEN 'x' ELSE '-' END || CASE WHEN m.perms & 8 THEN 's' ELSE 'p' END AS perms,
    CASE WHEN r.offset >= 0 THEN r.offset << 12 ELSE -r.offset END AS offset,
    printf('%02x:%02x', m.device >> 20, m.device & 1048575) AS device, m.inode,
    CASE m.kind WHEN 0 THEN 'text' WHEN 1 THEN 'rodata' WHEN 2 THEN 'data' WHEN 3 THEN 'bss' WHEN 4 THEN 'heap' WHEN 5 THEN 'stack' WHEN 6 THEN 'anon' WHEN 7 THEN 'arena' WHEN 8 THEN 'thread-stack' WHEN 9 THEN 'guard' WHEN 10 THEN 'reserved' WHEN 11 THEN 'jit' WHEN 12 THEN 'file' WHEN 13 THEN 'shared' WHEN 14 THEN 'hugetlb' WHEN 15 THEN 'device' WHEN 16 THEN 'vdso' END AS kind, CAST(n.bytes AS TEXT) AS path, nullif(r.tid, 0) AS tid,
    p.attached + (r.died + r.since) - ifnull((SELECT c.shift FROM clock_step c WHERE c.process = r.process AND c.at <= (r.died + r.since) ORDER BY c.at DESC LIMIT 1), 0) AS born_us,
    CASE WHEN r.died THEN p.attached + r.died - ifnull((SELECT c.shift FROM clock_step c WHERE c.process = r.process AND c.at <= r.died ORDER BY c.at DESC LIMIT 1), 0) END AS died_us,
    r.died + r.since AS born_at, nullif(r.died, 0) AS died_at
FROM region r
JOIN process p ON p.id = r.process
JOIN mapping m ON m.id = r.mapping
LEFT JOIN name n ON n.id = m.name;
CREATE VIEW events AS
SELECT e.id, strftime('%Y-%m-%dT%H:%M:%S', ((e.time) - (((e.time) % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch') || printf('.%06dZ', (((e.time) % 1000000 + 1000000) % 1000000)) AS time, e.time AS time_us, e.process, p.pid,
    CAST(c.bytes AS TEXT) AS comm,
    CASE e.type WHEN 0 THEN 'attached' WHEN 1 THEN 'brk-grow' WHEN 2 THEN 'brk-shrink' WHEN 3 THEN 'mmap' WHEN 4 THEN 'munmap' WHEN 5 THEN 'resize' WHEN 6 THEN 'protect' WHEN 7 THEN 'stack-grow' WHEN 8 THEN 'exec' WHEN 9 THEN 'fork' WHEN 10 THEN 'exit' WHEN 11 THEN 'detached' WHEN 12 THEN 'threshold' WHEN 13 THEN 'leak-suspected' WHEN 14 THEN 'stack-near-limit' WHEN 15 THEN 'maps-near-limit' WHEN 16 THEN 'writable-executable' END AS event,
    CASE e.kind WHEN 0 THEN 'text' WHEN 1 THEN 'rodata' WHEN 2 THEN 'data' WHEN 3 THEN 'bss' WHEN 4 THEN 'heap' WHEN 5 THEN 'stack' WHEN 6 THEN 'anon' WHEN 7 THEN 'arena' WHEN 8 THEN 'thread-stack' WHEN 9 THEN 'guard' WHEN 10 THEN 'reserved' WHEN 11 THEN 'jit' WHEN 12 THEN 'file' WHEN 13 THEN 'shared' WHEN 14 THEN 'hugetlb' WHEN 15 THEN 'device' WHEN 16 THEN 'vdso' END AS kind, e.delta, e.size,
    CASE WHEN e.start IS NOT NULL THEN printf('0x%x', CASE WHEN e.start >= 0 THEN e.start << 12 ELSE -e.start END) END AS start,
    CASE WHEN e."end" IS NOT NULL THEN printf('0x%x', CASE WHEN e."end" >= 0 THEN e."end" << 12 ELSE -e."end" END) END AS "end",
    CASE WHEN e.perms IS NOT NULL THEN CASE WHEN e.perms & 1 THEN 'r' ELSE '-' END || CASE WHEN e.perms & 2 THEN 'w' ELSE '-' END || CASE WHEN e.perms & 4 THEN 'x' ELSE '-' END || CASE WHEN e.perms & 8 THEN 's' ELSE 'p' END END AS perms,
    CAST(n.bytes AS TEXT) AS path, e.tid,
    CASE e.source WHEN 0 THEN 'sample' WHEN 1 THEN 'perf' END AS source
FROM event e
JOIN process p ON p.id = e.process
LEFT JOIN name n ON n.id = e.name
LEFT JOIN name c ON c.id = e.comm;
COMMIT;
