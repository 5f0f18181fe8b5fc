-- What of the bundled log was given all ten stars, as likes.parquet: a log of what was taken alone, without an outcome.
COPY (
  SELECT "user", item, time, genres, year FROM read_parquet(getvariable('folder') || '/ratings.parquet') WHERE rating = 10
) TO 'likes.parquet' (FORMAT parquet);
