package dev.slipway.analysis.analyses;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.slipway.analysis.analyses.Analysis.Result;
import dev.slipway.analysis.analyses.Analysis.Status;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.responses.ApiResponse;
import io.swagger.v3.oas.annotations.tags.Tag;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.Profile;
import org.springframework.data.domain.PageRequest;
import org.springframework.data.domain.Pageable;
import org.springframework.data.domain.Slice;
import org.springframework.data.domain.Sort;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.security.core.Authentication;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

@RestController
@Profile("web")
@RequestMapping(path = "/api/analyses", produces = MediaType.APPLICATION_JSON_VALUE)
@Tag(name = "Analyses")
class AnalysisController {

    private static final int LAST_PAGE = 1000;

    private final Submissions submissions;
    private final AnalysisRepository analyses;

    AnalysisController(Submissions submissions, AnalysisRepository analyses) {
        this.submissions = submissions;
        this.analyses = analyses;
    }

    @PreAuthorize("hasAuthority('SCOPE_analyses:write')")
    @PostMapping(consumes = MediaType.APPLICATION_JSON_VALUE)
    @ResponseStatus(HttpStatus.ACCEPTED)
    @Operation(summary = "Submit values to be analysed")
    @ApiResponse(responseCode = "202", useReturnTypeSchema = true)
    @ApiResponse(responseCode = "422", description = "The idempotency key was used before")
    ResponseEntity<AnalysisResponse> submit(
            @Valid @RequestBody AnalysisRequest request,
            @RequestHeader(name = "Idempotency-Key", required = false) @Size(min = 1, max = 255)
                    @Pattern(regexp = "[!-~]*", message = "must be printable ASCII without spaces")
                    String idempotencyKey,
            Authentication who) {
        Analysis analysis = submissions.submit(who.getName(), request.name(), request.values(), idempotencyKey);
        return ResponseEntity.accepted()
                .location(URI.create("/api/analyses/" + analysis.id))
                .body(AnalysisResponse.accepted(analysis));
    }

    @PreAuthorize("hasAuthority('SCOPE_analyses:read')")
    @GetMapping("/{id}")
    @Operation(summary = "Get one analysis, with its result once it is done")
    AnalysisResponse get(@PathVariable UUID id, Authentication who) {
        return analyses.findById(id)
                .filter(analysis -> analysis.owner.equals(who.getName()) || isAdmin(who))
                .map(AnalysisResponse::of)
                .orElseThrow(() -> notFound(id));
    }

    @PreAuthorize("hasAuthority('SCOPE_analyses:read')")
    @GetMapping
    @Operation(summary = "List one's own analyses, newest first unless sorted otherwise")
    AnalysisPage list(
            @RequestParam(required = false) Status status,
            @RequestParam(defaultValue = "0") @Min(0) @Max(LAST_PAGE) int page,
            @RequestParam(defaultValue = "20") @Min(1) @Max(100) int size,
            @RequestParam(defaultValue = "createdAt,desc")
                    @Pattern(regexp = "(createdAt|name)(,(asc|desc))?", message = "must be createdAt or name, then ,asc or ,desc")
                    String sort,
            Authentication who) {
        String[] order = sort.split(",");
        Sort.Direction direction = order.length == 1 ? Sort.Direction.ASC : Sort.Direction.fromString(order[1]);
        // The id makes the order stable where the other field is equal.
        Pageable pageable = PageRequest.of(page, size, direction, order[0], "id");
        Slice<Analysis> slice;
        if (isAdmin(who)) {
            slice = status == null ? analyses.findAllBy(pageable) : analyses.findByStatus(status, pageable);
        } else {
            String owner = who.getName();
            slice = status == null ? analyses.findByOwner(owner, pageable) : analyses.findByOwnerAndStatus(owner, status, pageable);
        }
        return AnalysisPage.of(slice);
    }

    @PreAuthorize("hasAuthority('SCOPE_analyses:delete')")
    @DeleteMapping("/{id}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    @Operation(summary = "Delete an analysis and its values")
    void delete(@PathVariable UUID id, Authentication who) {
        int deleted = isAdmin(who) ? analyses.deleteById(id) : analyses.deleteByIdAndOwner(id, who.getName());
        if (deleted == 0) {
            throw notFound(id);
        }
    }

    /** Whether somebody sees everybody's. */
    static boolean isAdmin(Authentication who) {
        return who.getAuthorities().stream().anyMatch(authority -> "SCOPE_analyses:admin".equals(authority.getAuthority()));
    }

    static ResponseStatusException notFound(UUID id) {
        return new ResponseStatusException(HttpStatus.NOT_FOUND, "There is no analysis " + id + ".");
    }

    record AnalysisRequest(@NotBlank @Size(max = 200) String name, @NotNull @Size(min = 1, max = AnalysisHandler.MOST_VALUES) double[] values) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    record AnalysisResponse(
            UUID id, String name, Status status, Instant createdAt,
            @Nullable Instant startedAt, @Nullable Instant finishedAt, @Nullable Result result, @Nullable String failure) {

        static AnalysisResponse of(Analysis analysis) {
            return new AnalysisResponse(
                    analysis.id, analysis.name, analysis.status, analysis.createdAt, analysis.startedAt, analysis.finishedAt,
                    analysis.result, analysis.failure);
        }

        /** As it was when it was taken in, so that a repeated submission gets the first one's answer. */
        static AnalysisResponse accepted(Analysis analysis) {
            return new AnalysisResponse(analysis.id, analysis.name, Status.QUEUED, analysis.createdAt, null, null, null, null);
        }
    }

    record AnalysisPage(List<AnalysisResponse> items, int page, int size, boolean hasNext) {

        static AnalysisPage of(Slice<Analysis> slice) {
            return new AnalysisPage(
                    slice.map(AnalysisResponse::of).getContent(), slice.getNumber(), slice.getSize(),
                    slice.hasNext() && slice.getNumber() < LAST_PAGE);
        }
    }
}
