-- Whether a prompt asks for written words, by its text alone: words in double quotes, words in
-- single quotes that are no apostrophes, "sign that says" and its like, "the word(s) …".
CREATE OR REPLACE VIEW prompt_texts AS
SELECT
    text_id,
    text,
    is_blank,
    regexp_matches(text, '["“”„«][^"“”„«»]{0,80}\pL[^"“”„«»]{0,80}["“”»]')
    OR regexp_matches(text, '(^|[\s(:])[''‘][^''‘’]{2,80}[''’]($|[\s,.;:!?)])')
    OR regexp_matches(text, '(?i)\b(that|which) (says?|spells?)\b')
    OR regexp_matches(
        text,
        '(?i)\b(signs?|texts?|letters|lettering|labels?|captions?|titles?|banners?|posters?|logos?'
        || '|headlines?|inscriptions?|graffiti|billboards?|plaques?|stickers?|neon|chalkboards?) '
        || '((that|which) )?(says?|saying|reads?|reading|spells?|spelling)\b'
    )
    OR regexp_matches(text, '(?i)\bthe (words?|phrase|slogan) ')
    OR regexp_matches(text, '(?i)\b(written|inscribed|spelled) (on|in|across|over|with|out)\b')
        AS asks_for_words
FROM prompts;

COMMENT ON VIEW prompt_texts IS 'Prompt texts and what their wording says of their scores.';
COMMENT ON COLUMN prompt_texts.text_id IS 'Identity made of the text.';
COMMENT ON COLUMN prompt_texts.text IS 'Exactly what the text encoder was given.';
COMMENT ON COLUMN prompt_texts.is_blank IS 'True for the unconditional prompt, which is part of no mean.';
COMMENT ON COLUMN prompt_texts.asks_for_words IS 'True when the picture shall show written words, which CLIP reads as if they were the thing itself: quoted words, "sign that says", "the word …", "written on".';
