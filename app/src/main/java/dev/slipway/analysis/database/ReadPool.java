package dev.slipway.analysis.database;

import com.zaxxer.hikari.HikariDataSource;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * For what is only read: {@code @Qualifier("reads") JdbcClient}. Its connections have no transactions, so that a read is one statement; those of
 * the other pool would need a second one, which ends what the first began. It does not see what a transaction has not committed yet.
 */
@Configuration(proxyBeanMethods = false)
@Profile("web")
class ReadPool {

    /** Of the same settings as the pool for all else. The server refuses it a write. */
    @Bean(defaultCandidate = false)
    HikariDataSource readsDataSource(HikariDataSource dataSource) {
        HikariDataSource reads = new HikariDataSource();
        dataSource.copyStateTo(reads);
        reads.setPoolName("reads");
        reads.setAutoCommit(true);
        reads.setMinimumIdle(1); // More when they are asked for.
        reads.setConnectionInitSql("SET SESSION TRANSACTION READ ONLY");
        return reads;
    }

    @Bean(defaultCandidate = false)
    JdbcClient reads(@Qualifier("readsDataSource") HikariDataSource dataSource) {
        return JdbcClient.create(dataSource);
    }
}
