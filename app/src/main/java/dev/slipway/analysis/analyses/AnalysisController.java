package dev.slipway.analysis.analyses;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.slipway.analysis.analyses.Analysis.Result;
import dev.slipway.analysis.analyses.Analysis.Status;
import dev.slipway.analysis.analyses.AnalysisQueries.Listed;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.media.Content;
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
import org.springframework.data.domain.Sort;
import org.springframework.http.CacheControl;
import org.springframework.http.HttpHeaders;
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

    private static final int MOST_SKIPPED = 5000;

    /** By its reader, who asks each time whether it is still there. */
    private static final CacheControl KEPT = CacheControl.noCache().cachePrivate();

    private final Submissions submissions;
    private final AnalysisQueries analyses;
    private final AnalysisRepository repository;

    AnalysisController(Submissions submissions, AnalysisQueries analyses, AnalysisRepository repository) {
        this.submissions = submissions;
        this.analyses = analyses;
        this.repository = repository;
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
    @Operation(summary = "Get one analysis, with its result once it is done",
            description = "A finished one does not change any more: it has an ETag, and If-None-Match is answered by 304.")
    @ApiResponse(responseCode = "200", useReturnTypeSchema = true)
    @ApiResponse(responseCode = "304", description = "As it was", content = @Content)
    ResponseEntity<AnalysisResponse> get(@PathVariable UUID id, Authentication who) {
        AnalysisResponse analysis = analyses.get(id, ownerOf(who));
        return analysis.finishedAt() == null
                ? ResponseEntity.ok(analysis)
                : ResponseEntity.ok().cacheControl(KEPT).eTag(Integer.toHexString(analysis.toString().hashCode())).body(analysis);
    }

    @PreAuthorize("hasAuthority('SCOPE_analyses:read')")
    @GetMapping
    @Operation(summary = "List one's own analyses, newest first unless sorted otherwise",
            description = "A page costs the same wherever it is: give its next as cursor, with the same status and sort, or follow the Link header."
                    + " page counts from 0, in place of a cursor, and skips up to " + MOST_SKIPPED + " analyses.")
    @ApiResponse(responseCode = "200", useReturnTypeSchema = true)
    ResponseEntity<AnalysisPage> list(
            @RequestParam(required = false) Status status,
            @RequestParam(defaultValue = "0") @Min(0) @Max(1000) int page,
            @RequestParam(defaultValue = "") String cursor,
            @RequestParam(defaultValue = "20") @Min(1) @Max(100) int size,
            @RequestParam(defaultValue = "createdAt,desc")
                    @Pattern(regexp = "(createdAt|name)(,(asc|desc))?", message = "must be createdAt or name, then ,asc or ,desc")
                    String sort,
            Authentication who) {
        boolean goesOn = !cursor.isEmpty();
        if (page * size > (goesOn ? 0 : MOST_SKIPPED)) {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST,
                    "page skips up to " + MOST_SKIPPED + " analyses: beyond them, leave it out and give the next of the page before as cursor.");
        }
        String[] order = sort.split(",");
        Listed listed = new Listed(ownerOf(who), status, order.length == 1 ? Sort.Order.asc(order[0])
                : new Sort.Order(Sort.Direction.fromString(order[1]), order[0]));
        // One more tells whether there is a next page.
        List<AnalysisResponse> found =
                goesOn ? analyses.page(listed, cursor, size + 1) : analyses.page(listed, page * size, size + 1);
        Integer number = goesOn ? null : page;
        if (found.size() <= size) {
            return ResponseEntity.ok(new AnalysisPage(found, number, size, false, null));
        }
        String next = listed.cursor(found.get(size - 1));
        String link = "</api/analyses?%ssize=%d&sort=%s&cursor=%s>; rel=\"next\""
                .formatted(status == null ? "" : "status=" + status + "&", size, sort, next);
        return ResponseEntity.ok().header(HttpHeaders.LINK, link).body(new AnalysisPage(found.subList(0, size), number, size, true, next));
    }

    @PreAuthorize("hasAuthority('SCOPE_analyses:delete')")
    @DeleteMapping("/{id}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    @Operation(summary = "Delete an analysis and its values")
    void delete(@PathVariable UUID id, Authentication who) {
        String owner = ownerOf(who);
        int deleted = owner == null ? repository.deleteById(id) : repository.deleteByIdAndOwner(id, owner);
        if (deleted == 0) {
            throw AnalysisQueries.notFound(id);
        }
    }

    /** Whose analyses somebody sees: null for everybody's. */
    static @Nullable String ownerOf(Authentication who) {
        boolean admin = who.getAuthorities().stream().anyMatch(authority -> "SCOPE_analyses:admin".equals(authority.getAuthority()));
        return admin ? null : who.getName();
    }

    record AnalysisRequest(@NotBlank @Size(max = 200) String name, @NotNull @Size(min = 1, max = AnalysisHandler.MOST_VALUES) double[] values) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    record AnalysisResponse(
            UUID id, String name, Status status, Instant createdAt,
            @Nullable Instant startedAt, @Nullable Instant finishedAt, @Nullable Result result, @Nullable String failure) {

        /** As it was when it was taken in, so that a repeated submission gets the first one's answer. */
        static AnalysisResponse accepted(Analysis analysis) {
            return new AnalysisResponse(analysis.id, analysis.name, Status.QUEUED, analysis.createdAt, null, null, null, null);
        }
    }

    /**
     * @param page its number; null where a cursor led to it
     * @param next the cursor of the page after this one, if there is one
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record AnalysisPage(List<AnalysisResponse> items, @Nullable Integer page, int size, boolean hasNext, @Nullable String next) {}
}
