package com.example.boot;

import java.util.UUID;
import org.springframework.data.jpa.repository.JpaRepository;

public interface AnalysisValuesRepository extends JpaRepository<AnalysisValues, UUID> {}
