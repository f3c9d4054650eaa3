"""What the trail stands on in PostgreSQL, as names with what is true of each.

Whoever owns a table can take its triggers off, and nothing in the table would tell. So everything that guards the
trail is read from the catalogue: triggers and whether they fire always, rules, constraints, owners, grants, functions,
roles and their powers, event triggers, child tables. Long definitions are kept as their digest.
"""

from typing import Any, Protocol

DIGEST = "left(encode(sha256(convert_to({}, 'UTF8')), 'hex'), 16)"
TABLES = (
    "FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')"
)
OURS = "c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f')"
FIRES = "CASE t.tgenabled WHEN 'A' THEN 'always' WHEN 'O' THEN 'unless replicating' WHEN 'R' THEN 'when replicating' ELSE 'disabled' END"

# each gives a name and what is true of it
READS = (
    # owners and grants of tables and sequences; acl lines sorted, so that their order tells nothing
    f"SELECT 'owner of ' || c.relname, pg_get_userbyid(c.relowner) {TABLES}",
    f"SELECT 'grants on ' || c.relname, (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(c.relacl) AS a) {TABLES}",
    f"""SELECT 'grants on columns of ' || c.relname, string_agg(a.attname || ': ' || x::text, ' ' ORDER BY a.attname, x::text)
          FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid, unnest(a.attacl) AS x WHERE {OURS} GROUP BY c.relname""",
    f"""SELECT 'trigger ' || t.tgname || ' on ' || c.relname, 'fires ' || {FIRES} || ': ' || pg_get_triggerdef(t.oid)
          FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND {OURS}""",
    # the triggers behind foreign keys have no stable names
    f"""SELECT 'keys of ' || c.relname, count(*) || ' checks, firing ' || string_agg(DISTINCT {FIRES}, ', ')
          FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE t.tgisinternal AND {OURS} GROUP BY c.relname""",
    f"""SELECT 'constraints of ' || c.relname, count(*) || ', digest ' ||
          {DIGEST.format("string_agg(k.conname || ' ' || pg_get_constraintdef(k.oid) || k.convalidated, chr(10) ORDER BY k.conname)")}
          FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid WHERE {OURS} GROUP BY c.relname""",
    f"""SELECT 'columns of ' || c.relname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attname)
          FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
         WHERE a.attnum > 0 AND NOT a.attisdropped AND {OURS} GROUP BY c.relname""",
    f"""SELECT 'rule ' || r.rulename || ' on ' || c.relname, pg_get_ruledef(r.oid)
          FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE {OURS}""",
    f"SELECT 'row security of ' || c.relname, 'on' FROM pg_class AS c WHERE c.relrowsecurity AND {OURS}",
    """SELECT 'child of ' || p.relname || ': ' || i.inhrelid::regclass, 'inherits'
          FROM pg_inherits AS i JOIN pg_class AS p ON p.oid = i.inhparent
          JOIN pg_class AS c ON c.oid = i.inhrelid
         WHERE p.relnamespace = 'public'::regnamespace AND p.relkind IN ('r', 'p')
           AND (p.relname <> 'prediction_log' OR c.relnamespace <> to_regnamespace('mrm_days'))""",
    # the days of the prediction log come and go: what is told is those among them that differ from how each is made
    """SELECT 'days of prediction_log', coalesce(string_agg(c.relname, ' ' ORDER BY c.relname) FILTER (WHERE
          pg_get_userbyid(c.relowner) <> 'mrm_owner' OR c.relacl IS NOT NULL OR (SELECT count(*) FROM pg_trigger AS t
            WHERE t.tgrelid = c.oid AND t.tgname IN ('audit_append_only', 'audit_no_truncate') AND t.tgenabled = 'A') < 2),
          'all guarded')
          FROM pg_class AS c JOIN pg_inherits AS i ON i.inhrelid = c.oid
         WHERE c.relnamespace = to_regnamespace('mrm_days') AND i.inhparent = to_regclass('public.prediction_log')""",
    # functions with their source, owner and who may call them
    f"""SELECT 'function ' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', 'owner ' || pg_get_userbyid(p.proowner) || ', '
          || CASE WHEN p.prosecdef THEN 'as its owner' ELSE 'as its caller' END || ', may call: '
          || coalesce((SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(p.proacl) AS a), 'everybody')
          || ', digest ' || {DIGEST.format("pg_get_functiondef(p.oid)")}
          FROM pg_proc AS p WHERE p.pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'mrm_ground'))
           AND p.prokind IN ('f', 'p')""",
    """SELECT 'event trigger ' || e.evtname, 'on ' || e.evtevent || ', ' || CASE e.evtenabled WHEN 'A' THEN 'always'
          WHEN 'O' THEN 'unless replicating' WHEN 'R' THEN 'when replicating' ELSE 'disabled' END
          || ', calls ' || e.evtfoid::regproc FROM pg_event_trigger AS e""",
    """SELECT 'schema ' || nspname, 'owner ' || pg_get_userbyid(nspowner) || ', grants '
          || coalesce((SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(nspacl) AS a), 'none')
          FROM pg_namespace WHERE nspname IN ('public', 'mrm_ground')""",
    """SELECT 'default grants of ' || pg_get_userbyid(d.defaclrole) || ' on ' || d.defaclobjtype::text || ' in '
          || coalesce(n.nspname, 'any schema'), (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(d.defaclacl) AS a)
          FROM pg_default_acl AS d LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace""",
    # our roles, and whoever stands above the grants or may become one of ours
    """SELECT 'role ' || r.rolname, concat_ws(', ', CASE WHEN r.rolsuper THEN 'superuser' END,
          CASE WHEN r.rolbypassrls THEN 'bypasses row security' END, CASE WHEN r.rolcreaterole THEN 'makes roles' END,
          CASE WHEN r.rolreplication THEN 'replicates' END, CASE WHEN r.rolcanlogin THEN 'logs in' ELSE 'does not log in' END,
          'member of: ' || coalesce((SELECT string_agg(g.rolname, ' ' ORDER BY g.rolname) FROM pg_auth_members AS m
            JOIN pg_roles AS g ON g.oid = m.roleid WHERE m.member = r.oid), 'none'))
          FROM pg_roles AS r WHERE r.rolname NOT LIKE 'pg\\_%' AND (r.rolname LIKE 'mrm\\_%' OR r.rolsuper OR r.rolbypassrls
            OR r.rolcreaterole OR r.rolreplication OR EXISTS (SELECT FROM pg_auth_members AS m JOIN pg_roles AS g
              ON g.oid = m.roleid WHERE m.member = r.oid AND (g.rolname LIKE 'mrm\\_%' OR g.rolname LIKE 'pg\\_write%')))""",
    """SELECT 'settings of ' || coalesce(nullif(pg_get_userbyid(s.setrole), 'unknown (OID=0)'), 'everybody') || ' in '
          || CASE WHEN s.setdatabase = 0 THEN 'every database' ELSE 'this database' END, array_to_string(s.setconfig, ' ')
          FROM pg_db_role_setting AS s WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))""",
)


class Cursor(Protocol):
    def execute(self, query: Any, params: Any = None) -> Any: ...

    def fetchall(self) -> Any: ...


def read(cursor: Cursor) -> dict[str, str]:
    """Everything that guards the trail, by name, in letters that an event can hold."""
    state: dict[str, str] = {}
    for query in READS:
        cursor.execute(query)
        for name, told in cursor.fetchall():
            state[_ascii(name)] = told or ""
    return state


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
