-- Every three letters in a row, in capitals by the same UPPER that Django's icontains compares by; at the ends of lines
-- and texts also fewer. An index over them finds words within words without an extension of PostgreSQL. What it costs is
-- told, so that an index is gone by where there is one, and no row is read for it.
CREATE FUNCTION inventory_letters(told text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 500 AS $$
DECLARE
  letters CONSTANT text[] := string_to_array(upper(told), NULL);
  parts text[] := '{}';
BEGIN
  FOR i IN 1 .. cardinality(letters) LOOP
    parts[i] := concat(letters[i], letters[i + 1], letters[i + 2]);
  END LOOP;
  RETURN array_to_tsvector(parts);
END $$;

-- What a text must have to hold this one: all its threes; a shorter one, something that begins with it.
CREATE FUNCTION inventory_letters_asked(told text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  letters CONSTANT text := upper(told);
BEGIN
  RETURN (SELECT string_agg(DISTINCT '''' || replace(replace(substr(letters, i, 3), '\', '\\'), '''', '''''') || '''', ' & ')
            FROM generate_series(1, greatest(length(letters) - 2, 1)) AS i) || CASE WHEN length(letters) < 3 THEN ':*' ELSE '' END;
END $$;
