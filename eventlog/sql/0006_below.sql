-- Who stands below somebody is asked at every login.
CREATE INDEX parents_by_parent ON log.parents (tenant, parent_id);
