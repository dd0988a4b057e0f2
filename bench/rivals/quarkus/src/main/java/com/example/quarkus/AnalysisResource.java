package com.example.quarkus;

import com.example.quarkus.Analysis.Result;
import com.example.quarkus.Analysis.Status;
import com.fasterxml.jackson.annotation.JsonInclude;
import io.quarkus.panache.common.Sort;
import jakarta.transaction.Transactional;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.NotFoundException;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Response;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.UUID;

@Path("/api/analyses")
public class AnalysisResource {

    private static final String OWNER = "development";
    private static final Sort NEWEST_FIRST = Sort.descending("createdAt", "id");

    @GET
    @Path("{id}")
    public AnalysisResponse get(UUID id) {
        Analysis analysis = Analysis.findById(id);
        if (analysis == null || !analysis.owner.equals(OWNER)) {
            throw new NotFoundException();
        }
        return AnalysisResponse.of(analysis);
    }

    @GET
    public AnalysisPage list(
            @QueryParam("page") @DefaultValue("0") @Min(0) int page, @QueryParam("size") @DefaultValue("20") @Min(1) @Max(100) int size) {
        // One row more than the page, since hasNextPage() would count all of them.
        List<Analysis> rows = Analysis.<Analysis>find("owner", NEWEST_FIRST, OWNER).range(page * size, (page + 1) * size).list();
        return new AnalysisPage(rows.stream().limit(size).map(AnalysisResponse::of).toList(), page, size, rows.size() > size);
    }

    @POST
    @Transactional
    public Response submit(@Valid AnalysisRequest request) {
        AnalysisValues values = new AnalysisValues(OWNER, request.name(), request.values());
        values.persist();
        return Response.accepted(AnalysisResponse.of(values.analysis)).location(URI.create("/api/analyses/" + values.analysis.id)).build();
    }

    public record AnalysisRequest(@NotBlank @Size(max = 200) String name, @NotNull @Size(min = 1, max = 100_000) double[] values) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record AnalysisResponse(
            UUID id, String name, Status status, Instant createdAt, Instant startedAt, Instant finishedAt, Result result, String failure) {

        static AnalysisResponse of(Analysis analysis) {
            return new AnalysisResponse(
                    analysis.id, analysis.name, analysis.status, analysis.createdAt, analysis.startedAt, analysis.finishedAt,
                    analysis.result, analysis.failure);
        }
    }

    public record AnalysisPage(List<AnalysisResponse> items, int page, int size, boolean hasNext) {}
}
