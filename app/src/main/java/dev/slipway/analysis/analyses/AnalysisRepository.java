package dev.slipway.analysis.analyses;

import dev.slipway.analysis.access.Quota;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.springframework.data.domain.Pageable;
import org.springframework.data.domain.ScrollPosition;
import org.springframework.data.domain.Slice;
import org.springframework.data.domain.Window;
import org.springframework.data.jpa.repository.Modifying;
import org.springframework.data.jpa.repository.Query;
import org.springframework.data.repository.Repository;
import org.springframework.transaction.annotation.Propagation;
import org.springframework.transaction.annotation.Transactional;

/** Reads run without a transaction unless one is there: a single statement needs none, and each would cost two more. */
@Transactional(propagation = Propagation.SUPPORTS)
interface AnalysisRepository extends Repository<Analysis, UUID>, Quota.Usage {

    Optional<Analysis> findById(UUID id);

    Optional<Analysis> findByOwnerAndIdempotencyKey(String owner, String idempotencyKey);

    Slice<Analysis> findAllBy(Pageable pageable);

    Slice<Analysis> findByStatus(Analysis.Status status, Pageable pageable);

    Slice<Analysis> findByOwner(String owner, Pageable pageable);

    Slice<Analysis> findByOwnerAndStatus(String owner, Analysis.Status status, Pageable pageable);

    /** By a cursor, so that a page costs the same wherever it is. */
    Window<Analysis> findFirst20ByOrderByCreatedAtDescIdDesc(ScrollPosition position);

    Window<Analysis> findFirst20ByOwnerOrderByCreatedAtDescIdDesc(String owner, ScrollPosition position);

    @Query(nativeQuery = true, value = "SELECT status, COUNT(*) AS number FROM analysis GROUP BY status")
    List<CountedByStatus> countByStatus();

    interface CountedByStatus {

        String getStatus();

        long getNumber();
    }

    @Query(nativeQuery = true, value = """
            SELECT (SELECT COUNT(*) FROM analysis WHERE owner = :owner) AS number, COALESCE(SUM(input_size), 0) AS bytes
            FROM analysis
            WHERE owner = :owner AND status IN ('QUEUED', 'RUNNING')
            """)
    Counted count(String owner);

    interface Counted {

        long getNumber();

        long getBytes();
    }

    @Override
    default Quota.Kept of(String owner) {
        Counted counted = count(owner);
        return new Quota.Kept(counted.getNumber(), counted.getBytes());
    }

    /** Deletes the analysis, and by its foreign key its values, and says how many there were: 0 or 1. */
    @Transactional
    @Modifying
    @Query("delete from Analysis where id = :id")
    int deleteById(UUID id);

    /** Likewise, if it is this owner's. */
    @Transactional
    @Modifying
    @Query("delete from Analysis where id = :id and owner = :owner")
    int deleteByIdAndOwner(UUID id, String owner);
}
