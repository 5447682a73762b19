-- Where two models of one database disagree about a run: their means over the validations that both
-- scored, and the change from the first of those to the last, paired by prompt. `disagree` is true
-- when one says clearly up and the other clearly down: both changes beyond two standard errors.
-- Cosines of two models have two scales, so only direction and order are compared.
WITH steps AS (
    SELECT model_id, model, run_id, run, panel, step, mean
    FROM run_step
    WHERE panel IN ('checkpoint', 'only')
      AND ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
),
pairs AS (
    SELECT
        a.run_id,
        any_value(a.run) AS run,
        a.panel,
        a.model_id AS id_a,
        b.model_id AS id_b,
        any_value(a.model) AS model_a,
        any_value(b.model) AS model_b,
        count(*) AS n_steps,
        min(step) AS first_step,
        max(step) AS last_step,
        corr(a.mean, b.mean) AS correlation,
        arg_max(step, a.mean) AS best_step_a,
        arg_max(step, b.mean) AS best_step_b
    FROM steps AS a
    JOIN steps AS b USING (run_id, panel, step)
    WHERE a.model < b.model
    GROUP BY a.run_id, a.panel, a.model_id, b.model_id
    HAVING count(*) > 1
),
moves AS (
    SELECT
        pairs.run_id,
        pairs.panel,
        pairs.id_a,
        pairs.id_b,
        before.model_id,
        count(*) AS n_prompts,
        avg(after.mean - before.mean) AS change,
        stddev_samp(after.mean - before.mean) / sqrt(count(*)) AS standard_error
    FROM pairs
    JOIN prompt_step AS before
        ON before.run_id = pairs.run_id
        AND before.panel = pairs.panel
        AND before.step = pairs.first_step
        AND before.model_id IN (pairs.id_a, pairs.id_b)
    JOIN prompt_step AS after
        ON after.run_id = pairs.run_id
        AND after.panel = pairs.panel
        AND after.step = pairs.last_step
        AND after.model_id = before.model_id
        AND after.prompt_id = before.prompt_id
        AND after.text_id = before.text_id
    WHERE NOT before.is_blank
    GROUP BY pairs.run_id, pairs.panel, pairs.id_a, pairs.id_b, before.model_id
)
SELECT
    pairs.run,
    pairs.panel,
    pairs.model_a,
    pairs.model_b,
    pairs.n_steps,
    pairs.first_step,
    pairs.last_step,
    least(a.n_prompts, b.n_prompts) AS n_prompts,
    pairs.correlation,
    pairs.best_step_a,
    pairs.best_step_b,
    a.change AS change_a,
    a.standard_error AS standard_error_a,
    b.change AS change_b,
    b.standard_error AS standard_error_b,
    coalesce(
        a.change * b.change < 0
        AND abs(a.change) > 2 * a.standard_error
        AND abs(b.change) > 2 * b.standard_error,
        false
    ) AS disagree
FROM pairs
JOIN moves AS a
    ON (a.run_id, a.panel, a.id_a, a.id_b) = (pairs.run_id, pairs.panel, pairs.id_a, pairs.id_b)
    AND a.model_id = pairs.id_a
JOIN moves AS b
    ON (b.run_id, b.panel, b.id_a, b.id_b) = (pairs.run_id, pairs.panel, pairs.id_a, pairs.id_b)
    AND b.model_id = pairs.id_b
ORDER BY disagree DESC, pairs.run, pairs.panel, pairs.model_a, pairs.model_b;
