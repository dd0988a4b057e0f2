package dev.slipway.analysis.access;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slipway.analysis.access.Quota.Kept;
import dev.slipway.analysis.access.Quota.QuotaExceededException;
import dev.slipway.analysis.access.Quota.Usage;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.support.StaticListableBeanFactory;
import org.springframework.util.unit.DataSize;

class QuotaTest {

    @Test
    void aSubjectKeepsSoManyRowsAndNoMore() {
        Quota quota = quota(new Kept(8, 0));

        quota.admit("maria", 1);
        quota.admit("maria", 1);
        assertThatThrownBy(() -> quota.admit("maria", 1)).isInstanceOf(QuotaExceededException.class);
        quota.admit("another", 1);
    }

    @Test
    void aSubjectHasSoManyBytesWaitingAndNoMore() {
        Quota quota = quota(new Kept(0, 900));

        quota.admit("maria", 200);
        assertThatThrownBy(() -> quota.admit("maria", 1)).isInstanceOf(QuotaExceededException.class);
    }

    /** Of ten rows and 1000 bytes, where each subject keeps so much already. */
    private static Quota quota(Kept kept) {
        Usage domain = subject -> kept;
        return new Quota(
                new Access.Properties("analysis", 30, 10, DataSize.ofBytes(1000), Map.of()),
                new StaticListableBeanFactory(Map.of("domain", domain)).getBeanProvider(Usage.class));
    }
}
