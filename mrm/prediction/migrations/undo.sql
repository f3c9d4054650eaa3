DROP FUNCTION prediction_days();
DROP FUNCTION prediction_drop_day(date);
DROP FUNCTION prediction_make_day(date);
DROP TABLE prediction_log;
