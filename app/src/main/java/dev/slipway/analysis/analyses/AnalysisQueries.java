package dev.slipway.analysis.analyses;

import dev.slipway.analysis.access.Quota;
import dev.slipway.analysis.analyses.Analysis.Result;
import dev.slipway.analysis.analyses.Analysis.Status;
import dev.slipway.analysis.analyses.AnalysisController.AnalysisResponse;
import dev.slipway.analysis.http.Cursor;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.hibernate.type.descriptor.java.UUIDJavaType.ToBytesTransformer;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Profile;
import org.springframework.data.domain.Sort;
import org.springframework.http.HttpStatus;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.server.ResponseStatusException;

/** What is only read: statements whose rows become answers, without an entity between. */
@Component
@Profile("web")
class AnalysisQueries implements Quota.Usage {

    private static final String COLUMNS = "id, name, status, created_at, started_at, finished_at, failure,"
            + " count, mean, standard_deviation, min, max, p50, p95, p99";

    private static final int COUNTED = 10_000;

    private final JdbcClient jdbc;

    /**
     * Which analyses a list has, and how they follow each other.
     *
     * @param owner null for everybody's
     * @param status null for any
     * @param order by {@code createdAt} or {@code name}, and by the id where that is equal
     */
    record Listed(@Nullable String owner, @Nullable Status status, Sort.Order order) {

        static Listed newest(@Nullable String owner) {
            return new Listed(owner, null, Sort.Order.desc("createdAt"));
        }

        /** The one after this. */
        String cursor(AnalysisResponse last) {
            return new Cursor(isByName() ? last.name() : last.createdAt().toString(), last.id()).encode(toString());
        }

        private String column() {
            return isByName() ? "name" : "created_at";
        }

        private boolean isByName() {
            return order.getProperty().equals("name");
        }
    }

    AnalysisQueries(@Qualifier("reads") JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    /**
     * @param owner whose it must be; null for anybody's
     * @throws ResponseStatusException 404, if there is none
     */
    AnalysisResponse get(UUID id, @Nullable String owner) {
        JdbcClient.StatementSpec statement = jdbc
                .sql("SELECT " + COLUMNS + " FROM analysis WHERE id = ?" + (owner == null ? "" : " AND owner = ?"))
                .param(bytes(id));
        return (owner == null ? statement : statement.param(owner)).query(AnalysisQueries::response).optional().orElseThrow(() -> notFound(id));
    }

    static ResponseStatusException notFound(UUID id) {
        return new ResponseStatusException(HttpStatus.NOT_FOUND, "There is no analysis " + id + ".");
    }

    /**
     * Reads one page in the order of an index, and no row beside it.
     *
     * @param cursor what {@link Listed#cursor} gave for the last one before; null for the first page
     * @throws ErrorResponseException 400, if the cursor is not of this list
     */
    List<AnalysisResponse> page(Listed listed, @Nullable String cursor, int size) {
        return page(listed, cursor == null ? null : Cursor.decode(cursor, listed.toString()), COLUMNS, size, 0)
                .query(AnalysisQueries::response).list();
    }

    /** Likewise, after so many rows, which are counted in the index alone. */
    List<AnalysisResponse> page(Listed listed, int offset, int size) {
        if (offset == 0) {
            return page(listed, null, size);
        }
        return page(listed, (Cursor) null, "id, " + listed.column(), 1, offset - 1)
                .query((row, number) -> new Cursor(
                        listed.isByName() ? row.getString("name") : instant(row, "created_at").toString(), id(row)))
                .optional()
                .map(last -> page(listed, last, COLUMNS, size, 0).query(AnalysisQueries::response).list())
                .orElse(List.of());
    }

    private JdbcClient.StatementSpec page(Listed listed, @Nullable Cursor after, String columns, int size, int offset) {
        String column = listed.column();
        boolean descending = listed.order.isDescending();
        List<String> filters = new ArrayList<>();
        List<Object> values = new ArrayList<>();
        if (listed.owner != null) {
            filters.add("owner");
            values.add(listed.owner);
        }
        if (listed.status != null) {
            filters.add("status");
            values.add(listed.status.name());
        }
        List<String> conditions = new ArrayList<>(filters.stream().map(filter -> filter + " = ?").toList());
        if (after != null) {
            Object value = listed.isByName() ? after.value() : LocalDateTime.ofInstant(Instant.parse(after.value()), ZoneOffset.UTC);
            String beyond = descending ? "<" : ">";
            conditions.add("(%1$s %2$s ? OR (%1$s = ? AND id %2$s ?))".formatted(column, beyond));
            values.addAll(List.of(value, value, bytes(after.id())));
        }
        values.addAll(List.of(size, offset));
        String index = String.join("_", filters) + (filters.isEmpty() ? "" : "_and_") + (listed.isByName() ? "name" : "creation");
        String direction = descending ? " DESC" : "";
        // Left to itself, MariaDB reads all that the filters let through, and sorts it, or skips to where the page begins.
        return jdbc.sql("SELECT " + columns + " FROM analysis FORCE INDEX (by_" + index + ")"
                        + (conditions.isEmpty() ? "" : " WHERE " + String.join(" AND ", conditions))
                        + " ORDER BY " + column + direction + ", id" + direction + " LIMIT ? OFFSET ?")
                .params(values);
    }

    @Override
    public Quota.Kept of(String owner) {
        long bytes = jdbc.sql("SELECT COALESCE(SUM(input_size), 0) FROM analysis WHERE owner = ? AND status IN ('QUEUED', 'RUNNING')")
                .param(owner).query(Long.class).single();
        return new Quota.Kept(count("owner = ?", owner), bytes);
    }

    /** How many there are, in the order of a life: counted where they are few, and else estimated. */
    Map<Status, Long> countByStatus() {
        Map<Status, Long> numbers = new EnumMap<>(Status.class);
        for (Status status : Status.values()) {
            numbers.put(status, count("status = ?", status.name()));
        }
        return numbers;
    }

    /** Costs the same however many there are: beyond {@link #COUNTED} the database estimates them, and may be off by a half. */
    private long count(String condition, String value) {
        long counted = jdbc.sql("SELECT COUNT(*) FROM (SELECT 1 FROM analysis WHERE " + condition + " LIMIT " + COUNTED + ") AS first")
                .param(value).query(Long.class).single();
        return counted < COUNTED ? counted : Math.max(counted, jdbc.sql("EXPLAIN SELECT 1 FROM analysis WHERE " + condition)
                .param(value).query((row, number) -> row.getLong("rows")).single());
    }

    private static AnalysisResponse response(ResultSet row, int number) throws SQLException {
        Status status = Status.valueOf(row.getString("status"));
        return new AnalysisResponse(
                id(row), row.getString("name"), status, instant(row, "created_at"), instant(row, "started_at"), instant(row, "finished_at"),
                status != Status.DONE ? null : new Result(
                        row.getInt("count"), row.getDouble("mean"), row.getDouble("standard_deviation"), row.getDouble("min"),
                        row.getDouble("max"), row.getDouble("p50"), row.getDouble("p95"), row.getDouble("p99")),
                row.getString("failure"));
    }

    /** The database's times are in UTC. */
    private static @Nullable Instant instant(ResultSet row, String column) throws SQLException {
        LocalDateTime time = row.getObject(column, LocalDateTime.class);
        return time == null ? null : time.toInstant(ZoneOffset.UTC);
    }

    private static UUID id(ResultSet row) throws SQLException {
        return ToBytesTransformer.INSTANCE.parse(row.getBytes("id"));
    }

    private static byte[] bytes(UUID id) {
        return ToBytesTransformer.INSTANCE.transform(id);
    }
}
