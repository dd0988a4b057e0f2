package com.example.boot;

import com.example.boot.Analysis.Result;
import com.example.boot.Analysis.Status;
import com.fasterxml.jackson.annotation.JsonInclude;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.springframework.data.domain.Pageable;
import org.springframework.data.domain.Slice;
import org.springframework.data.domain.Sort;
import org.springframework.data.web.PageableDefault;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping("/api/analyses")
public class AnalysisController {

    private static final String OWNER = "development";

    private final AnalysisRepository analyses;
    private final AnalysisValuesRepository values;

    public AnalysisController(AnalysisRepository analyses, AnalysisValuesRepository values) {
        this.analyses = analyses;
        this.values = values;
    }

    @GetMapping("/{id}")
    public ResponseEntity<AnalysisResponse> get(@PathVariable UUID id) {
        return ResponseEntity.of(analyses.findById(id).filter(analysis -> analysis.owner.equals(OWNER)).map(AnalysisResponse::of));
    }

    @GetMapping
    public AnalysisPage list(@PageableDefault(size = 20, sort = {"createdAt", "id"}, direction = Sort.Direction.DESC) Pageable pageable) {
        return AnalysisPage.of(analyses.findByOwner(OWNER, pageable));
    }

    @PostMapping
    public ResponseEntity<AnalysisResponse> submit(@Valid @RequestBody AnalysisRequest request) {
        Analysis analysis = values.save(new AnalysisValues(OWNER, request.name(), request.values())).analysis;
        return ResponseEntity.accepted().location(URI.create("/api/analyses/" + analysis.id)).body(AnalysisResponse.of(analysis));
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

    public record AnalysisPage(List<AnalysisResponse> items, int page, int size, boolean hasNext) {

        static AnalysisPage of(Slice<Analysis> slice) {
            return new AnalysisPage(slice.map(AnalysisResponse::of).getContent(), slice.getNumber(), slice.getSize(), slice.hasNext());
        }
    }
}
