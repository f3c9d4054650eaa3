#!/usr/bin/env bash
# Runs once, when the database folder is new: the three roles and their rights.
set -euo pipefail
psql -v ON_ERROR_STOP=1 --username postgres <<SQL
CREATE ROLE mrm_owner LOGIN PASSWORD '${MRM_OWNER_PASSWORD}';
CREATE ROLE mrm_app LOGIN PASSWORD '${MRM_APP_PASSWORD}';
CREATE ROLE mrm_log LOGIN PASSWORD '${MRM_LOG_PASSWORD}';
CREATE DATABASE mrm OWNER mrm_owner;
SQL
psql -v ON_ERROR_STOP=1 --username postgres --dbname mrm --file /roles.sql
