-- A snapshot of MovieTweetings, the folder of ratings.dat and movies.dat, as log.parquet in time order. A line is split by "::",
-- which no reader of CSV does beside quotes and commas in titles: each is read whole.
CREATE TABLE ratings AS
SELECT row_number() OVER () AS position, split(line, '::') AS part
FROM read_csv(getvariable('folder') || '/ratings.dat', auto_detect = false, header = false, columns = {'line': 'VARCHAR'},
  delim = '\0', quote = '', escape = '');

CREATE TABLE movies AS
SELECT split(line, '::') AS part
FROM read_csv(getvariable('folder') || '/movies.dat', auto_detect = false, header = false, columns = {'line': 'VARCHAR'},
  delim = '\0', quote = '', escape = '');

COPY (
  SELECT
    ratings.part[1] AS "user",
    ratings.part[2] AS item,
    ratings.part[3]::TINYINT AS rating,
    ratings.part[4]::BIGINT AS time,
    CASE WHEN movies.part[3] <> '' THEN split(movies.part[3], '|') END AS genres,
    nullif(regexp_extract(movies.part[2], '\((\d{4})\)$', 1), '')::SMALLINT AS year
  FROM ratings LEFT JOIN movies ON movies.part[1] = ratings.part[2]
  ORDER BY time, position
) TO 'log.parquet' (FORMAT parquet, COMPRESSION zstd);
