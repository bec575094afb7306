#include "index/faiss/kmeans.h"

#include <omp.h>

#include <faiss/Clustering.h>
#include <faiss/IndexFlat.h>

extern "C" void openblas_set_num_threads(int);

namespace saker::index {

Result<std::vector<float>> TrainCentroids(const float* vectors, size_t count, size_t dim, size_t clusters, bool spherical, int threads) {
  try {
    // FAISS fans out with OpenMP; OpenBLAS with threads of its own below that would fight over the cores.
    openblas_set_num_threads(1);
    omp_set_num_threads(threads > 0 ? threads : 1);
    faiss::ClusteringParameters parameters;
    parameters.spherical = spherical;
    parameters.niter = 10;
    parameters.seed = 1234;
    parameters.min_points_per_centroid = 1;
    parameters.max_points_per_centroid = 256;
    faiss::Clustering clustering(static_cast<int>(dim), static_cast<int>(clusters), parameters);
    faiss::IndexFlat index(static_cast<int>(dim), spherical ? faiss::METRIC_INNER_PRODUCT : faiss::METRIC_L2);
    clustering.train(static_cast<decltype(faiss::Index::ntotal)>(count), vectors, index);
    return std::vector<float>(clustering.centroids.begin(), clustering.centroids.end());
  } catch (const std::bad_alloc&) {
    return ResourceExhausted("not enough memory to train ", clusters, " clusters on ", count, " vectors of dimension ", dim);
  } catch (const std::exception& error) { return Internal("faiss: ", error.what()); }
}

}  // namespace saker::index
