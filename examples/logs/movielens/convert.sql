-- MovieLens 1M or 10M, the folder of ratings.dat and movies.dat, as log.parquet: with the columns that newer archives have in
-- ratings.csv and movies.csv, so that one schema is of both. Titles of 1M are Latin-1, and nothing of them is kept.
CREATE TABLE ratings AS
SELECT split(line, '::') AS part
FROM read_csv(getvariable('folder') || '/ratings.dat', auto_detect = false, header = false, columns = {'line': 'VARCHAR'},
  delim = '\0', quote = '', escape = '');

CREATE TABLE movies AS
SELECT split(line, '::') AS part
FROM read_csv(getvariable('folder') || '/movies.dat', auto_detect = false, header = false, columns = {'line': 'VARCHAR'},
  delim = '\0', quote = '', escape = '', encoding = 'latin-1');

COPY (
  SELECT
    ratings.part[1] AS "userId",
    ratings.part[2] AS "movieId",
    ratings.part[3]::DOUBLE AS rating,
    ratings.part[4]::BIGINT AS timestamp,
    -- As newer archives call it.
    list_transform(split(movies.part[3], '|'), lambda genre: CASE genre WHEN 'Children''s' THEN 'Children' ELSE genre END) AS genres
  FROM ratings LEFT JOIN movies ON movies.part[1] = ratings.part[2]
  ORDER BY timestamp
) TO 'log.parquet' (FORMAT parquet, COMPRESSION zstd);
