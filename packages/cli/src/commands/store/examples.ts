/** A worked example of each `headwater store` command, as its help and docs/store.md show it. */
export const storeExamples = {
  check: `$ headwater store check lmdb:out/seed-1/store
             records     bytes
rings         49,662  43.90 MB
users         16,554  26.49 MB
items         10,506  840.5 kB
event lists        0       0 B
tombstones         0       0 B
76,722 records of 1 tenant: 0 faults, 0 orphans
`,
  stats: `$ headwater store stats lmdb:out/seed-1/store
76,722 records, 71.23 MB, 1 tenant

tenant "default": 49,662 rings, 16,554 users, 10,506 items, 0 event lists, 0 tombstones
model       rings   slots     bytes  snapshots  frames
random     16,554  16,554  13.51 MB          1       1
sum        16,554  24,834  16.89 MB        1–7       1
untrained  16,554  16,554  13.51 MB          1       1
`,
  compact: `$ headwater store compact lmdb:out/seed-1/store
76,719 records: 117 MB before, 75.74 MB after
`,
  copy: `$ headwater store copy lmdb:out/seed-1/store lmdb:moved
76,722 records written, 0 unchanged, 0 newer there, 0 of forgotten users
verified: 76,722 records equal, tombstones included
`,
  backup: `$ headwater store backup lmdb:out/seed-1/store monday.backup
76,722 records of 1 tenant, 0 tombstones among them, in 72.81 MB
Written: /srv/monday.backup
`,
  restore: `$ headwater store restore monday.backup lmdb:restored --tombstones forgotten.backup
backup of 2026-11-25T02:10:34.051Z
76,718 records written, 0 unchanged, 0 newer there, 4 of forgotten users
1 tombstone set, 0 users forgotten by that
verified: 76,718 records equal, tombstones included
`,
  tombstones: `$ headwater store tombstones lmdb:out/seed-1/store forgotten.backup
1 record of 1 tenant, 1 tombstone among them, in 199 B
Written: /srv/forgotten.backup
`,
  export: `$ headwater store export lmdb:out/seed-1/store vectors --model sum
16,554 vectors of frame 1 in 1 file
Written: /srv/vectors
`,
  forget: `$ headwater store forget lmdb:out/seed-1/store 10088
user "10088" of tenant "default" forgotten at 2026-11-25T02:10:36.452Z; removed:
  store: 3 rings
  store: 1 state
  store: 0 event lists
`,
} as const
