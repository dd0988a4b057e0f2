package dev.slipway.analysis;

import dev.slipway.analysis.database.DatabaseConfiguration;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Import;
import org.springframework.test.context.ActiveProfiles;

/**
 * The whole service on a real server port and a real database, without its worker, so that what is submitted stays
 * queued. Hibernate compares its mapping with Flyway's schema.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@SpringBootTest(webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {"management.server.port=0", "spring.jpa.hibernate.ddl-auto=validate", "web.drain-delay=0s"})
@ActiveProfiles({"web", "migrate"})
@Import({DatabaseConfiguration.class, Api.class})
public @interface ServiceTest {}
