package dev.slipway.analysis.analyses;

import java.util.Optional;
import java.util.UUID;
import org.springframework.data.jpa.repository.Modifying;
import org.springframework.data.jpa.repository.Query;
import org.springframework.data.repository.Repository;
import org.springframework.transaction.annotation.Propagation;
import org.springframework.transaction.annotation.Transactional;

/** Reads run without a transaction unless one is there: a single statement needs none, and each would cost two more. */
@Transactional(propagation = Propagation.SUPPORTS)
interface AnalysisRepository extends Repository<Analysis, UUID> {

    Optional<Analysis> findByOwnerAndIdempotencyKey(String owner, String idempotencyKey);

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
