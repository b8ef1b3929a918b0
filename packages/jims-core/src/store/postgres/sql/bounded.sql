-- The rows of a cursor, each of which has one JSON value: p_limit rows and p_max_bytes at most, but one at least. The
-- last row has no value: it has whether there are more.
create or replace function jims.bounded(p_rows refcursor, p_limit integer, p_max_bytes bigint)
returns table (item json, more boolean)
language plpgsql stable as $$
declare
  v_bytes bigint := 0;
  v_taken integer := 0;
begin
  more := false;
  loop
    fetch p_rows into item;
    exit when not found;
    v_bytes := v_bytes + octet_length(item::text);
    more := v_taken > 0 and (v_taken >= p_limit or v_bytes > p_max_bytes);
    exit when more;
    return next;
    v_taken := v_taken + 1;
  end loop;
  close p_rows;
  item := null;
  return next;
end
$$;
