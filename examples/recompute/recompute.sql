-- Normalized entropy and AUC of the arms of `headwater run --out DIR`, from predictions.parquet:
--
--   duckdb -cmd "SET VARIABLE predictions = 'DIR/predictions.parquet'" -f recompute.sql
--
-- With SET VARIABLE log_digest = '…' too, it refuses predictions of another log. Several seeds are averaged.
WITH about AS (
  SELECT decode(value) AS digest FROM parquet_kv_metadata(getvariable('predictions')) WHERE decode(key) = 'log_digest'
),
checked AS (
  SELECT CASE
    WHEN getvariable('log_digest') IS NULL OR (SELECT any_value(digest) FROM about) = getvariable('log_digest') THEN true
    ELSE error('these predictions are of the log of digest ' || coalesce((SELECT any_value(digest) FROM about), 'unknown') ||
      ', not of that of digest ' || getvariable('log_digest') || '; give those of that log')
  END AS fits
),
predictions AS (
  SELECT arm, seed, label, CAST(logit AS DOUBLE) AS z,
    CASE WHEN label = 1 THEN -z ELSE z END AS wrong
  FROM read_parquet(getvariable('predictions')), checked
  WHERE fits
),
ranked AS (
  SELECT *,
    greatest(wrong, 0) + ln(1 + exp(-abs(z))) AS loss,
    -- Rows of one logit share the mean of their ranks.
    rank() OVER (PARTITION BY arm, seed ORDER BY z) + (count(*) OVER (PARTITION BY arm, seed, z) - 1) / 2 AS place
  FROM predictions
),
by_seed AS (
  SELECT arm, seed, avg(loss) AS loss, avg(label) AS rate, sum(label) AS positives, count(*) - sum(label) AS negatives,
    (sum(place) FILTER (label = 1) - positives * (positives + 1) / 2) / positives / negatives AS auc
  FROM ranked
  GROUP BY arm, seed
)
SELECT arm, avg(loss / (-rate * ln(rate) - (1 - rate) * ln(1 - rate))) AS ne, avg(auc) AS auc
FROM by_seed
GROUP BY arm
ORDER BY arm
