-- Verdicts by other constants stand beside those by the usual ones.

ALTER TABLE verdicts ADD COLUMN changed_rules VARCHAR;
COMMENT ON COLUMN verdicts.changed_rules IS 'The constants that were not the usual ones, as a JSON object, for example {"verdict.patience_share": 0.7}; NULL when all were. Verdicts by different constants do not replace each other.';
COMMENT ON TABLE verdicts IS 'Verdicts by run, model and changed rules, with what they rest on. History: the newest holds (view current_verdicts). Levels and changes are raw cosines, to six decimals.';
