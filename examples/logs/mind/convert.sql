-- MIND, a folder of behaviors.tsv and news.tsv or a glob of such folders, as log.parquet: a row for each article of each
-- impression, clicked or not, with what news.tsv knows of it. Times are taken for UTC.
CREATE TABLE news AS
SELECT DISTINCT ON (item) item, category, subcategory
FROM read_csv(getvariable('folder') || '/news.tsv', auto_detect = false, header = false, delim = '\t', quote = '', escape = '',
  columns = {'item': 'VARCHAR', 'category': 'VARCHAR', 'subcategory': 'VARCHAR', 'title': 'VARCHAR', 'abstract': 'VARCHAR',
    'url': 'VARCHAR', 'title_entities': 'VARCHAR', 'abstract_entities': 'VARCHAR'});

COPY (
  SELECT
    "user",
    shown[1] AS item,
    strptime(time, '%m/%d/%Y %I:%M:%S %p') AS time,
    category,
    subcategory,
    CASE
      WHEN shown[2] IN ('0', '1') THEN shown[2]::TINYINT
      ELSE error('Impression ' || id || ' does not say what was clicked, as in the archive of the test set: convert the others.')
    END AS clicked
  FROM (
    SELECT id, "user", time, split(unnest(split(trim(impressions), ' ')), '-') AS shown
    FROM read_csv(getvariable('folder') || '/behaviors.tsv', auto_detect = false, header = false, delim = '\t', quote = '',
      escape = '', columns = {'id': 'VARCHAR', 'user': 'VARCHAR', 'time': 'VARCHAR', 'history': 'VARCHAR',
        'impressions': 'VARCHAR'})
  ) LEFT JOIN news ON news.item = shown[1]
) TO 'log.parquet' (FORMAT parquet, COMPRESSION zstd);
